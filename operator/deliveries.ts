/**
 * Follows the events of deliveries into the status of the Services that they are about, and sees to what only who knows the
 * declaration can: the rollback that a Service asks for, and an end of what takes too long.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery, EventBus, Subscription, Verdict } from '../lib/bus/port.ts';
import { deliveredOf, newestOf, stagesAfter } from '../lib/delivery/service-status.ts';
import { deliveryTypes, isOver } from '../lib/delivery/stage.ts';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../lib/errors/classes.ts';
import { Window } from '../lib/errors/window.ts';
import { eventTypes, textIn, type KeptnEvent } from '../lib/events/event.ts';
import { idOf } from '../lib/events/id.ts';
import type { Stored } from '../lib/model/object.ts';
import { keptnName } from '../lib/model/stage.ts';
import { findCondition, type Condition, type StageStatus, type Status } from '../lib/model/status.ts';
import { HandledIds } from '../lib/service/handled-ids.ts';
import { measured } from '../lib/service/measured.ts';
import { DeliveryCounts } from './count-deliveries.ts';
import type { Parts } from './reconciliation.ts';

const SOURCE = 'keptn-operator';
const RETRY_MS = { first: 100, last: 5_000 };
/** Of more than an hour without an API server. */
const TRIES = 1_000;
const LOOK_MS = 5_000;
/**
 * How long what is on its way waits for what follows, so that both come into the status with one write: these writes are
 * most of what the API server has to do with a delivery.
 */
const GATHER_MS = 500;
/** Statuses that are written at once. When the API server is slow more comes into each, and it gets no slower by them. */
const WRITES = 2;
const WRITE_MS = 60_000;
const lasting = ['Delivered', 'Failed', 'Aborted', 'Superseded', 'Approving', 'Paused'];

/** Follows, and looks every few seconds for what is overdue, until it is closed. */
export async function startDeliveries(parts: Parts, limits: PhaseLimits): Promise<{ close(): Promise<void> }> {
  const counts = new DeliveryCounts(parts.metrics.deliveries);
  const subscription = await followDeliveries(parts, counts);
  showUnderWay(parts);
  const timer = setInterval(() => {
    showUnderWay(parts);
    void endOverdue(parts, limits);
  }, LOOK_MS);
  return {
    async close() {
      clearInterval(timer);
      await subscription.stop();
    },
  };
}

/** Each event is acknowledged when the status has it. */
function followDeliveries(parts: Parts, counts: DeliveryCounts): Promise<Subscription> {
  const options = {
    durable: SOURCE,
    filters: deliveryTypes,
    from: 'new',
    // Most of them wait.
    concurrency: 256,
    maxAttempts: TRIES,
  } as const;
  const writing = { window: new Window(WRITES, 'the API server'), written: new HandledIds(), counts };
  const follow = async (delivery: Delivery): Promise<Verdict> => {
    const { event, attempt } = delivery;
    try {
      await Promise.all(servicesOf(parts, event).map((service) => record(parts, service, delivery, writing)));
      counts.count(event);
      return { kind: 'ack' };
    } catch (error) {
      // The reconciler has written the status meanwhile, or the API server is away.
      const pause = Math.min(RETRY_MS.first * attempt, RETRY_MS.last);
      return { kind: 'retry', reason: messageOf(error), afterMs: pause * (0.5 + Math.random()) };
    }
  };
  return parts.bus.subscribe(options, measured(SOURCE, parts.metrics, follow));
}

function showUnderWay({ store, metrics }: Parts): void {
  const { underWay } = metrics.deliveries;
  underWay.reset();
  for (const { spec, status } of store.objects.list('Service')) {
    const open = status?.stages?.filter((stage) => !isOver(stage)) ?? [];
    for (const { name: stage, phase } of open) underWay.inc({ project: spec.project, stage, phase });
  }
}

function servicesOf({ store }: Parts, { data }: KeptnEvent): Stored<'Service'>[] {
  const [project, service] = [textIn(data, 'project'), textIn(data, 'service')];
  const named = (one: Stored<'Service'>): boolean => one.spec.project === project && keptnName(one) === service;
  return store.objects.list('Service').filter((one) => named(one) && one.metadata.deletionTimestamp === undefined);
}

interface Writing {
  window: Window;
  /** What has come into a status with an event before it, as uid and id. */
  written: HandledIds;
  counts: DeliveryCounts;
}

async function record(
  parts: Parts,
  service: Stored<'Service'>,
  delivery: Delivery,
  { window, written, counts }: Writing,
): Promise<void> {
  const { event, attempt } = delivery;
  await rollBack(parts.bus, service, event);
  if (written.has(`${service.metadata.uid} ${event.id}`)) return;
  const status = statusAfter(service, event);
  if (isDeepStrictEqual(status, service.status)) return;
  // What ends a delivery, or asks for somebody, is told at once.
  if (!lasting.includes(reasonOf(status) ?? '') && attempt === 1) await sleep(GATHER_MS);
  await window.run(Date.now() + WRITE_MS, async () => {
    const events = await write(parts, service, delivery, counts);
    for (const { id } of events) written.add(`${service.metadata.uid} ${id}`);
  });
}

/** Writes the event and those that follow, as the Service is now; the events. */
async function write(
  { store }: Parts,
  { metadata }: Stored<'Service'>,
  { event, following }: Delivery,
  counts: DeliveryCounts,
): Promise<readonly KeptnEvent[]> {
  const service = store.objects.get('Service', metadata);
  if (service?.metadata.uid !== metadata.uid) return [];
  const events = [event, ...((await following?.()) ?? [])];
  const before = service.status ?? {};
  const known = [before];
  for (const one of events) known.push(statusAfter({ ...service, status: known.at(-1) }, one));
  const status = known.at(-1) ?? before;
  if (isDeepStrictEqual(status, before)) return events;
  const object = await store.patchStatus(service, status);
  for (const [at, { stages = [] }] of known.slice(1).entries())
    counts.time(service.spec.project, known[at]?.stages ?? [], stages);
  const delivered = findCondition(status, 'Delivered');
  // What is on its way the status tells; an event of Kubernetes is for what stays, or asks for somebody.
  if (!delivered || delivered.reason === reasonOf(before) || !lasting.includes(delivered.reason)) return events;
  const type = delivered.status === 'True' || delivered.reason === 'Approving' ? 'Normal' : 'Warning';
  void store.note(object, { type, reason: delivered.reason, message: delivered.message });
  return events;
}

const reasonOf = (status: Status | undefined): string | undefined => findCondition(status, 'Delivered')?.reason;

function statusAfter({ metadata, spec, status = {} }: Stored<'Service'>, event: KeptnEvent): Status {
  const order = (status.branches ?? []).map(({ name }) => name);
  const stages = stagesAfter(status.stages ?? [], event, order);
  const said = deliveredOf(stages, order.at(-1));
  if (!said) return status;
  const delivery = newestOf(stages);
  const known = findCondition(status, 'Delivered');
  // Of an artifact that is not the declared one, or not yet, it says nothing about the declaration.
  const isDeclared = spec.artifact === undefined || delivery?.image === spec.artifact.image;
  const before = Math.min(known?.observedGeneration ?? 0, metadata.generation - 1);
  const observedGeneration = isDeclared ? metadata.generation : before;
  const lastTransitionTime = known?.status === said.status ? known.lastTransitionTime : event.time;
  const condition: Condition = {
    type: 'Delivered',
    ...said,
    lastTransitionTime,
    observedGeneration,
  };
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'Delivered');
  return { ...status, delivery, stages, conditions: [...others, condition] };
}

/** A direct deployment that failed its evaluation gives way to the version before, where the Service says so. */
async function rollBack(bus: EventBus, { spec }: Stored<'Service'>, event: KeptnEvent): Promise<void> {
  const { data, type, id, shkeptncontext } = event;
  if (spec.rollback !== 'OnFailure' || type !== eventTypes.evaluationDone) return;
  if (textIn(data, 'deploymentstrategy') !== 'direct' || textIn(data, 'result') !== 'fail') return;
  const [project, stage, service] = ['project', 'stage', 'service'].map((name) => textIn(data, name));
  const change = { project, stage, service, labels: null, canary: { action: 'discard' } };
  await send(bus, idOf(id, 'rollback'), eventTypes.configurationChange, shkeptncontext, change);
}

/** Milliseconds that a phase may last. */
export type PhaseLimits = Readonly<Partial<Record<string, number>>>;

/** Aborts each delivery that is in a phase for too long; one is aborted once, however often this looks. */
async function endOverdue({ store, bus, log }: Parts, limits: PhaseLimits): Promise<void> {
  for (const service of store.objects.list('Service')) {
    for (const stage of service.status?.stages ?? []) {
      if (!isOverdue(stage, limits)) continue;
      const { name, phase, since, keptnContext } = stage;
      const message = `${phase} in ${name} has not ended within ${(limits[phase] ?? 0) / 60_000} minutes`;
      const data = { project: service.spec.project, service: keptnName(service), reason: `${phase}Timeout`, message };
      const id = idOf(service.metadata.uid, keptnContext, name, phase, since);
      await send(bus, id, eventTypes.deliveryAbort, keptnContext, data).catch((error: unknown) =>
        log.warn({ keptnContext, reason: messageOf(error) }, 'an overdue delivery is not aborted yet'),
      );
    }
  }
}

function isOverdue({ phase, since, paused }: StageStatus, limits: PhaseLimits): boolean {
  const limit = limits[phase];
  return limit !== undefined && !paused && Date.now() - Date.parse(since) > limit;
}

async function send(bus: EventBus, id: string, type: string, shkeptncontext: string, data: unknown): Promise<void> {
  await bus.publish({ id, type, source: SOURCE, time: new Date().toISOString(), shkeptncontext, data });
}
