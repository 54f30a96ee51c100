/** The durable consumer of a subscription: made, or brought to its settings; made again where it was when it is lost. */
import { AckPolicy, DeliverPolicy, JetStreamApiCodes } from '@nats-io/jetstream';
import type { ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { z } from 'zod';
import { windowOf, type SubscriptionSettings } from '../options.ts';
import { isApiError, streamOf } from './streams.ts';

/** How far a durable is, in which life of its stream. */
export interface Position {
  /** When the stream was made: sequences of another one mean nothing in this. */
  stream: string;
  /** Everything up to this sequence has its verdict. */
  floor: number;
  /** Messages without a verdict, in all processes: those that are to come, and those in work. */
  pending: number;
}

/** Of all processes that ask, the server gives messages to one, for as long as it goes on asking. */
export const PIN_GROUP = 'keptn';
/** One that is not to last goes after this time without a subscriber, such as a restart of NATS. */
const FORGET_MS = 10 * 60_000;
/** A process that has not asked for this long is gone. */
const PIN_MS = 5_000;

export async function ensureConsumer(
  jsm: JetStreamManager,
  settings: SubscriptionSettings,
  last: Position | undefined,
): Promise<Position> {
  const stream = streamOf[settings.space];
  const { created } = await jsm.streams.info(stream);
  const wanted = {
    ack_wait: nanos(settings.ackWaitMs),
    max_ack_pending: windowOf(settings),
    filter_subjects: [...settings.filters],
    // Giving up is decided where the reason is known, in decide.ts.
    max_deliver: -1,
    ...(settings.lasting ? {} : { inactive_threshold: nanos(FORGET_MS) }),
    priority_policy: 'pinned_client' as const,
    priority_groups: [PIN_GROUP],
    priority_timeout: nanos(PIN_MS),
  };
  let info: ConsumerInfo;
  try {
    info = await jsm.consumers.info(stream, settings.durable);
    if (!same(wanted, info)) info = await jsm.consumers.update(stream, settings.durable, wanted);
  } catch (error) {
    if (!isApiError(error, JetStreamApiCodes.ConsumerNotFound)) throw error;
    const fixed = { durable_name: settings.durable, ack_policy: AckPolicy.Explicit };
    info = await jsm.consumers.add(stream, { ...fixed, ...wanted, ...startOf(settings, last, created) });
  }
  const pending = info.num_pending + info.num_ack_pending;
  return { stream: created, floor: info.ack_floor.stream_seq, pending };
}

/** What the server knows of a durable; the library does not declare who is pinned. */
export interface ConsumerState {
  /** Messages without an answer, in all processes. */
  unanswered: number;
  /** The pin of the process that gets the messages; undefined when nobody asks for any. */
  pin: string | undefined;
}

const groups = z.object({
  priority_groups: z.array(z.object({ group: z.string(), pinned_client_id: z.string().optional() })).optional(),
});

export async function stateOf(jsm: JetStreamManager, settings: SubscriptionSettings): Promise<ConsumerState> {
  const info = await jsm.consumers.info(streamOf[settings.space], settings.durable);
  const [group] = groups.parse(info).priority_groups ?? [];
  return { unanswered: info.num_ack_pending, pin: group?.pinned_client_id };
}

function startOf(settings: SubscriptionSettings, last: Position | undefined, created: string) {
  if (last?.stream === created) {
    return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: last.floor + 1 };
  }
  // A stream that was made anew has nothing that this subscription has seen.
  if (last !== undefined || settings.from === 'all') return { deliver_policy: DeliverPolicy.All };
  return { deliver_policy: DeliverPolicy.New };
}

function same(wanted: object, { config }: ConsumerInfo): boolean {
  const actual: Record<string, unknown> = { ...config };
  return Object.entries(wanted).every(([key, value]) => JSON.stringify(actual[key]) === JSON.stringify(value));
}
