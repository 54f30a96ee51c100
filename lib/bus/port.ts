/**
 * The event bus: publish is answered after the event is stored; a durable subscriber gets each event at least once,
 * also those that came while it was away. The subject of an event is its type; filters take NATS wildcards (`*`, `>`).
 */
import type { KeptnEvent } from '../events/event.ts';

/** What a handler says of one delivery. Throwing counts as `retry`, with the message as reason. */
export type Verdict =
  { kind: 'ack' } | { kind: 'retry'; afterMs?: number; reason?: string } | { kind: 'dead'; reason: string };

/** Why an event lies under its dead-letter subject. */
export interface DeadLetter {
  reason: string;
  /** The durable that gave it up. */
  durable: string;
  attempts: number;
}

export interface Delivery {
  event: KeptnEvent;
  /** 1 for the first try. */
  attempt: number;
  /** Only in subscriptions to `dead.`. */
  dead?: DeadLetter;
  /**
   * The events of its context that wait behind it, in order, as far as they are at hand: each is delivered for itself when
   * this one has its verdict. For who can do the work of several in one.
   */
  following?: () => Promise<readonly KeptnEvent[]>;
}

export type Handler = (delivery: Delivery) => Promise<Verdict>;

export interface SubscribeOptions {
  /** Name of the durable consumer: letters, digits, `-` and `_`. Processes with one name share the work. */
  durable: string;
  /** Subjects, all below `sh.keptn.` (`['sh.keptn.>']`) or all below `dead.`. */
  filters: readonly string[];
  /** Where a new durable begins; an existing one goes on where it was. */
  from: 'all' | 'new';
  /**
   * Deliveries in work at once, in all processes of this durable together. Events of one keptn context come one after
   * another in the order in which they were stored, and one that is retried holds up those of its context alone. With 1,
   * the default, all events come so.
   */
  concurrency?: number;
  /** Tries before an event goes to the dead-letter subject; 10 by default. */
  maxAttempts?: number;
  /**
   * A delivery is given again when its process has said nothing for this long; 10,000 by default. A handler may work
   * longer: the bus says for it that it does. Whoever writes a handler gives it its time limit.
   */
  ackWaitMs?: number;
  /** False: the durable is forgotten when its last subscriber stops, or some minutes after that was killed; true by default. */
  lasting?: boolean;
}

export interface Subscription {
  /** Takes no more deliveries, lets running handlers end, keeps the durable. */
  stop(): Promise<void>;
}

export interface Published {
  /** True when the bus had this id already and stored nothing. */
  duplicate: boolean;
}

export interface SubscriptionHealth {
  durable: string;
  /** True while the bus would deliver to it. */
  attached: boolean;
  /** Seconds since the bus said anything to it: an event or a heartbeat. */
  quietSeconds: number;
  /** Events that wait for it or are in work, when the bus said so last; undefined where it does not say. */
  pending?: number | undefined;
}

export interface BusHealth {
  connected: boolean;
  subscriptions: readonly SubscriptionHealth[];
}

export interface EventBus {
  /** Resolves after the event is stored; `Transient` when it could not be, or it is not known whether it was. */
  publish(event: KeptnEvent): Promise<Published>;
  /**
   * Resolves when the durable is there, so that it gets what is published from then on. When the bus is not there
   * it resolves after some seconds all the same, and the durable is made as soon as can be.
   */
  subscribe(options: SubscribeOptions, handle: Handler): Promise<Subscription>;
  /** True while an event could be published. */
  ready(): boolean;
  health(): BusHealth;
  /** Stops subscriptions, sends what is on its way, disconnects. */
  close(): Promise<void>;
}

/** The dead-letter subject of an event type; outside `sh.keptn.`, so that no subscriber of all events gets it twice. */
export function deadLetterSubject(type: string): string {
  return `dead.${type}`;
}
