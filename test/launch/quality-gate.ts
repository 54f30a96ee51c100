/** The lighthouse-service in this process, and a Prometheus that says what it is told. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventTypes } from '../../lib/events/event.ts';
import { providerInGit } from '../../services/lighthouse-service/configured/git.ts';
import { builtInProviders, lighthouseService } from '../../services/lighthouse-service/handler.ts';
import type { Service } from '../../lib/service/service.ts';
import { startInProcess, type Given } from './in-process.ts';

const host = '127.0.0.1';
const shipyard = 'stages: [{ name: dev, deployment_strategy: direct }]\n';

/** Answers as Prometheus' /api/v1/query; remembers what it was asked. */
export async function fakePrometheus() {
  const asked: URLSearchParams[] = [];
  const answers = new Map<string, { status: number; body: unknown }>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', `http://${host}`);
    asked.push(searchParams);
    const answer = answers.get(searchParams.get('query') ?? '');
    if (pathname !== '/api/v1/query') return void response.writeHead(404).end('not here');
    // What it was not told about it never answers.
    if (answer) response.writeHead(answer.status).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, asked, answers, close };
}

export type QualityGate = Awaited<ReturnType<typeof startQualityGate>>;

export async function startQualityGate() {
  const prometheus = await fakePrometheus();
  const serviceOf = ({ configuration, history }: Given): Service =>
    lighthouseService({
      configuration,
      history,
      providers: builtInProviders(configuration, `${prometheus.url}/`),
      projectProvider: providerInGit(configuration),
    });
  const world = await startInProcess((given) => [serviceOf(given)]);
  return {
    ...world,
    prometheus,
    service: serviceOf(world),
    /** A project with service carts in stage dev, and these files of the service. */
    async project(provider: string | undefined, files: Record<string, string> = {}): Promise<string> {
      const project = await world.project(shipyard, files);
      if (provider !== undefined) await world.write({ project }, 'lighthouse.yaml', `sli-provider: ${provider}`);
      return project;
    },
    /** The data of the only event, or the nth, of a type in a context, once it is there. */
    data: async (context: string, type: string = eventTypes.evaluationDone, nth = 1): Promise<unknown> =>
      (await world.event(context, type, nth)).data,
    async close(): Promise<void> {
      await world.close();
      await prometheus.close();
    },
  };
}
