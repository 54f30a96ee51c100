/** The two streams, events and dead letters: made or brought to our settings, as often as wanted. */
import { DiscardPolicy, JetStreamApiCodes, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { messageOf } from '../../errors/classes.ts';
import type { Settings } from './settings.ts';

export const streamOf = { events: 'keptn', dead: 'keptn-dead' } as const;
export const deadSubjects = 'dead.';

/** A publish that is tried again within this time is stored once. */
const DUPLICATE_WINDOW_MS = 10 * 60_000;

export async function ensureStreams(jsm: JetStreamManager, settings: Settings): Promise<void> {
  await ensure(jsm, streamOf.events, 'sh.keptn.>', settings);
  await ensure(jsm, streamOf.dead, `${deadSubjects}>`, settings);
}

async function ensure(jsm: JetStreamManager, name: string, subject: string, settings: Settings): Promise<void> {
  const wanted = {
    subjects: [subject],
    // One process says how many, and no other takes that back.
    ...(settings.replicas !== undefined && { num_replicas: settings.replicas }),
    max_bytes: settings.maxBytes,
    max_age: nanos(settings.maxAgeMs),
    duplicate_window: nanos(Math.min(DUPLICATE_WINDOW_MS, settings.maxAgeMs)),
  };
  let actual: StreamConfig;
  try {
    actual = (await jsm.streams.info(name)).config;
  } catch (error) {
    if (!isApiError(error, JetStreamApiCodes.StreamNotFound)) throw error;
    const fixed = { retention: RetentionPolicy.Limits, storage: StorageType.File, discard: DiscardPolicy.Old };
    // Two processes may do this at once: the same settings again are no error.
    await jsm.streams.add({ name, ...fixed, ...wanted });
    return;
  }
  if (same(wanted, actual)) return;
  try {
    await jsm.streams.update(name, wanted);
  } catch (error) {
    // The stream works as it is, for example with fewer replicas than there are servers for.
    settings.log.warn({ stream: name, reason: messageOf(error) }, 'stream keeps its old settings');
  }
}

function same(wanted: Partial<StreamConfig>, actual: StreamConfig): boolean {
  return (Object.keys(wanted) as (keyof StreamConfig)[]).every(
    (key) => JSON.stringify(wanted[key]) === JSON.stringify(actual[key]),
  );
}

export function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
