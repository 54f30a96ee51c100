/**
 * Announcing a state as a CloudEvent, exactly once for each state in effect. A marker with the event's id is stored
 * before the event is published, and the proof after: a crash between the two repeats the same id, which the bus knows.
 */
import { createHash } from 'node:crypto';
import { idOf } from '../lib/events/id.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { nameOf, type Kind } from '../lib/model/object.ts';
import type { Announcement } from '../lib/model/status.ts';
import { faultPoint } from './fault-point.ts';
import type { Parts, Reconciliation } from './reconciliation.ts';

const SOURCE = 'keptn-operator';

export interface Announced {
  type: string;
  /** What the event tells: another digest is another event. */
  digest: string;
  data: unknown;
  extensions?: Record<string, string>;
  /** Where it is not about this generation of the object. */
  context?: string;
}

export function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(String(part.length)).update(':').update(part);
  return hash.digest('hex').slice(0, 32);
}

export function announcementOf<K extends Kind>({ status }: Reconciliation<K>, type: string): Announcement | undefined {
  return status.announced?.find((entry) => entry.type === type);
}

/** Publishes what has not been announced yet. */
export async function announce<K extends Kind>(run: Reconciliation<K>, what: Announced): Promise<void> {
  let entry = announcementOf(run, what.type);
  if (entry?.published && entry.digest === what.digest) return;
  if (entry?.published !== false || entry.digest !== what.digest) {
    const { uid, generation } = run.object.metadata;
    // The former id tells states of one generation apart, such as a ConfigMap that changes behind a reference.
    const id = idOf(uid, generation, what.type, run.status.projectUid ?? '', entry?.id ?? '');
    entry = {
      type: what.type,
      digest: what.digest,
      id,
      keptnContext: what.context ?? run.context,
      published: false,
    };
    remember(run, entry);
    faultPoint(`${run.object.kind}/mark`);
    run.object = await run.parts.store.patchStatus(run.object, run.status);
  }
  faultPoint(`${run.object.kind}/publish`);
  await publish(run.parts, { ...what, id: entry.id ?? '', context: entry.keptnContext ?? run.context });
  faultPoint(`${run.object.kind}/published`);
  remember(run, { ...entry, published: true });
  run.status.keptnContext = entry.keptnContext ?? run.context;
  void run.parts.store.note(run.object, {
    type: 'Normal',
    reason: 'EventPublished',
    message: `${what.type} ${entry.id ?? ''}`,
  });
}

/** Takes a state as known without an event. */
export function acknowledge<K extends Kind>(run: Reconciliation<K>, type: string, digest: string): void {
  remember(run, { ...announcementOf(run, type), type, digest, published: true });
}

/** The event of a deletion: the object goes, so its uid alone makes the id. */
export async function announceDeletion<K extends Kind>(
  run: Reconciliation<K>,
  type: string,
  data: unknown,
): Promise<void> {
  const id = idOf(run.object.metadata.uid, 'deleted', type);
  await publish(run.parts, { id, type, context: run.context, data });
  run.parts.log.debug({ key: nameOf(run.object), eventId: id, keptnContext: run.context }, 'deletion announced');
}

function remember<K extends Kind>(run: Reconciliation<K>, entry: Announcement): void {
  run.status.announced = [...(run.status.announced ?? []).filter((other) => other.type !== entry.type), entry];
}

interface Outgoing extends Pick<Announced, 'type' | 'data' | 'extensions'> {
  id: string;
  context: string;
}

async function publish({ bus, metrics }: Parts, { id, type, context, data, extensions }: Outgoing): Promise<void> {
  const time = new Date().toISOString();
  const event: KeptnEvent = {
    id,
    type,
    source: SOURCE,
    time,
    shkeptncontext: context,
    data,
    ...(extensions && { extensions }),
  };
  try {
    const { duplicate } = await bus.publish(event);
    metrics.eventsPublished.inc({ type, result: duplicate ? 'duplicate' : 'stored' });
  } catch (error) {
    metrics.eventsPublished.inc({ type, result: 'failed' });
    throw error;
  }
}
