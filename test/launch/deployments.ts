/** A service of ours that is told of deployments: on a bus of its own, with a configuration-service. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventOf, recorder, until } from '../../lib/bus/contract-parts.ts';
import { createMemoryBus } from '../../lib/bus/memory/bus.ts';
import type { EventBus } from '../../lib/bus/port.ts';
import { eventTypes, textIn, type KeptnEvent } from '../../lib/events/event.ts';
import { testsFinished, type TestsFinished } from '../../lib/events/workflow.ts';
import { createEventMetrics } from '../../lib/observe/event-metrics.ts';
import { createLog } from '../../lib/observe/log.ts';
import { serve, type Served } from '../../lib/service/serve.ts';
import type { Service } from '../../lib/service/service.ts';

export const log = createLog('test', 'silent');

export interface Deployments {
  directory: string;
  bus: EventBus;
  /** Everything that was sent, log events too. */
  seen: KeptnEvent[];
  serve(service: Service): Promise<Served>;
  /** What the service sends for it. */
  tests(event: KeptnEvent): Promise<KeptnEvent & { data: TestsFinished }>;
  /** The log lines of an event. */
  said(event: KeptnEvent): string[];
  stop(): Promise<void>;
}

export function deploymentOf(data: Record<string, unknown>): KeptnEvent {
  const place = { project: 'p1', stage: 'dev', service: 'carts', deploymentstrategy: 'direct' };
  const event = eventOf(eventTypes.deploymentFinished, { ...place, ...data });
  return { ...event, extensions: {} };
}

export async function startDeployments(folder?: string): Promise<Deployments> {
  const directory = folder ?? (await mkdtemp(join(tmpdir(), 'keptn-deployments-')));
  const bus = await createMemoryBus({ directory, log, backoff: { firstMs: 10, maxMs: 50 } });
  const { handle, deliveries } = recorder();
  const filters = [eventTypes.testsFinished, eventTypes.log];
  await bus.subscribe({ durable: 'seen', filters, from: 'all', concurrency: 100 }, handle);
  const seen: KeptnEvent[] = [];
  const all = (): KeptnEvent[] => {
    seen.splice(0, seen.length, ...deliveries.map(({ event }) => event));
    return seen;
  };
  const services: Served[] = [];
  return {
    directory,
    bus,
    get seen() {
      return all();
    },
    async serve(service) {
      const served = await serve(service, { bus, log, metrics: createEventMetrics() });
      services.push(served);
      return served;
    },
    async tests(event) {
      await bus.publish(event);
      const isAnswer = (one: KeptnEvent): boolean =>
        one.type === eventTypes.testsFinished && one.shkeptncontext === event.shkeptncontext;
      await until('tests-finished', () => all().some(isAnswer), 50_000);
      const [answer] = all().filter(isAnswer);
      if (answer === undefined) throw new Error('no answer');
      return { ...answer, data: testsFinished.parse(answer.data) };
    },
    said: (event) =>
      all()
        .filter(({ type, shkeptncontext }) => type === eventTypes.log && shkeptncontext === event.shkeptncontext)
        .map(({ data }) => textIn(data, 'message') ?? ''),
    async stop() {
      await Promise.all(services.map((one) => one.close()));
      await bus.close();
      if (folder === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}
