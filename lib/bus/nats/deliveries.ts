/**
 * The messages of a durable that this process has been given and that have no verdict yet: it keeps them alive at the
 * server, runs them in order for each context, and answers. When another process was given messages before, nothing
 * starts until those are with us or done: otherwise a later event of a context could overtake an earlier one.
 *
 * That is so when no other process says that it holds any, and the server waits for as many answers as we have messages.
 * Those that came twice while another held them may be answered: they are handed back before the counting.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsMsg } from '@nats-io/jetstream';
import type { KeptnEvent } from '../../events/event.ts';
import { laneOf, Lanes } from '../lanes.ts';
import type { SubscriptionSettings } from '../options.ts';
import type { Delivery } from '../port.ts';
import type { Decision } from '../decide.ts';
import { contentOf, deliveryOf, type Content, type Loaded, type StoredMessage } from './content.ts';
import type { ConsumerState } from './consumer.ts';
import type { Link } from './link.ts';
import type { Settings } from './settings.ts';
import { streamOf } from './streams.ts';

/** Acknowledgements that are sent again after a lost connection. */
const REMEMBERED = 1_000;
const ACK = '+ACK';
const NAK = '-NAK';
const WORKING = '+WPI';
const PIN_HEADER = 'Nats-Pin-Id';
/** Messages that are larger are fetched again when it is their turn, so that those that wait take little memory. */
const KEPT_BYTES = 64 * 1024;
/** How often it is asked whether all that is open is here. */
const GATE_MS = 50;

interface Piece {
  lane: string;
  seq: number;
  key: string;
  bytes: number;
  /** When it was stored: another message with this number is one of another stream. */
  timestamp: string;
  /** Where the answer goes, of the newest delivery. */
  reply: string;
  /** Undefined while a large one waits. */
  loaded: Loaded | undefined;
  attempt: number;
}

export interface DeliveriesParts {
  link: Link;
  settings: Settings;
  subscription: SubscriptionSettings;
  decide: (content: Content, delivery: Delivery, message: StoredMessage) => Promise<Decision>;
  /** Rejects when the server does not say. */
  state: () => Promise<ConsumerState>;
  /** True while another process has messages of this durable. */
  othersHold: () => boolean;
  /** Tells the others how many we hold. */
  tell: () => void;
}

export class Deliveries {
  readonly #parts: DeliveriesParts;
  readonly #held = new Map<string, Piece>();
  readonly #lanes: Lanes<Piece>;
  readonly #heartbeat: NodeJS.Timeout;
  /** Where the last acknowledgements went. */
  readonly #acknowledged = new Map<string, string>();
  /** Messages that came while the gate is closed; undefined: it is open. */
  #waiting: Piece[] | undefined;
  #pin: string | undefined;
  /** The server gives messages to another process now: what comes back from a try is for that one. */
  #unpinned = false;
  #stopped = false;

  constructor(parts: DeliveriesParts) {
    this.#parts = parts;
    this.#lanes = new Lanes(parts.subscription.concurrency, (piece) => this.#bringToVerdict(piece));
    this.#heartbeat = setInterval(() => this.#sayWorking(), parts.subscription.ackWaitMs / 3);
  }

  take(message: JsMsg): void {
    const reply = replyOf(message);
    const pin = message.headers?.get(PIN_HEADER) ?? '';
    // It was on its way when another process got the pin.
    const isLate = this.#unpinned && pin === this.#pin;
    if (this.#stopped || isLate) return this.#answer(reply, NAK);
    if (pin !== this.#pin) {
      this.#pin = pin;
      this.#unpinned = false;
      this.#close();
    }
    // The time as well: a stream that was made anew counts from one again.
    const key = `${message.seq}/${message.info.timestampNanos}`;
    const held = this.#held.get(key);
    if (held) {
      // The server missed our heartbeats while the connection was down; it is still in our hands.
      held.reply = reply;
      return;
    }
    // The server never got the answer.
    if (this.#acknowledged.has(key)) return this.#acknowledge(key, reply);
    this.#hold(key, message, reply);
  }

  /** After a connect: a server that was killed may have forgotten the last of them. */
  acknowledgeAgain(publish: (subject: string, answer: string) => void): void {
    for (const reply of this.#acknowledged.values()) publish(reply, ACK);
  }

  forgetAcknowledged(): void {
    this.#acknowledged.clear();
  }

  /** Lets running handlers end and hands back the rest, in order. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const left = await this.#lanes.stop();
    clearInterval(this.#heartbeat);
    this.#handBack([...left, ...(this.#waiting ?? [])]);
  }

  /** Another process gets the messages from now on: what we have not begun with is for that one. */
  unpinned(): void {
    this.#unpinned = true;
    this.#handBack(this.#lanes.giveBack());
    if (this.#waiting) this.#handBack(this.#waiting.splice(0));
    this.#parts.tell();
  }

  /** We may have lost the pin while the connection was down. */
  checkPin({ pin }: ConsumerState): void {
    if (pin !== undefined && pin !== this.#pin && this.#held.size > 0 && !this.#unpinned) this.unpinned();
  }

  get holding(): number {
    return this.#held.size;
  }

  #handBack(pieces: readonly Piece[]): void {
    for (const { key, reply } of pieces) {
      this.#held.delete(key);
      this.#answer(reply, NAK);
    }
  }

  #hold(key: string, message: JsMsg, reply: string): void {
    const { seq, timestamp } = message;
    const bytes = message.data.length;
    const content = contentOf(message);
    const lane = laneOf(content.event.shkeptncontext, this.#parts.subscription.concurrency);
    const loaded = bytes > KEPT_BYTES ? undefined : { message, content };
    const piece: Piece = { lane, seq, key, bytes, timestamp, reply, loaded, attempt: message.info.deliveryCount };
    this.#held.set(key, piece);
    if (this.#waiting) this.#waiting.push(piece);
    else this.#lanes.add(piece);
  }

  #close(): void {
    if (this.#waiting) return;
    this.#waiting = [];
    void this.#openWhenAllIsHere();
  }

  async #openWhenAllIsHere(): Promise<void> {
    let othersHeld = false;
    for (; !this.#stopped; await sleep(GATE_MS)) {
      const waiting = this.#waiting ?? [];
      if (this.#parts.othersHold()) {
        othersHeld = true;
        continue;
      }
      if (othersHeld) {
        othersHeld = false;
        const [again, first] = [waiting.filter(isAgain), waiting.filter((piece) => !isAgain(piece))];
        this.#waiting = first;
        this.#handBack(again);
        continue;
      }
      // What comes or is answered while we ask is in the server's number or not: it must not count for ours.
      const before = [...this.#held.keys()];
      const state = await this.#parts.state().catch(() => undefined);
      if (state === undefined) continue;
      this.checkPin(state);
      const ours = before.filter((key) => this.#held.has(key)).length;
      if (this.#unpinned || state.unanswered > ours || this.#parts.othersHold()) continue;
      this.#waiting = undefined;
      for (const piece of waiting.sort((a, b) => a.seq - b.seq)) this.#lanes.add(piece);
      return;
    }
  }

  /** Gives the milliseconds until the next try, if there is to be one. */
  async #bringToVerdict(piece: Piece): Promise<number | undefined> {
    const { link, decide, settings, subscription } = this.#parts;
    try {
      const loaded = piece.loaded ?? (await this.#load(piece));
      if (loaded) {
        const { content, message } = loaded;
        const delivery = { ...deliveryOf(content, piece.attempt), following: async () => this.#following(piece) };
        const decision = await decide(content, delivery, message);
        if (decision.kind === 'retry' && this.#unpinned) {
          this.#handBack([piece]);
          this.#tellWhenDone();
          return undefined;
        }
        if (decision.kind === 'retry') {
          piece.attempt += 1;
          return decision.afterMs;
        }
      }
    } catch (error) {
      settings.log.error({ err: error, durable: subscription.durable, seq: piece.seq }, 'delivery failed');
      return GATE_MS;
    }
    // An answer that is given while the connection is down would be lost, and the event come again.
    await link.whenever();
    this.#held.delete(piece.key);
    this.#acknowledge(piece.key, piece.reply);
    this.#tellWhenDone();
    return undefined;
  }

  /** Up to the first that would have to be fetched. */
  #following(piece: Piece): KeptnEvent[] {
    const events: KeptnEvent[] = [];
    for (const { loaded } of this.#lanes.behind(piece)) {
      if (!loaded || 'unreadable' in loaded.content) break;
      events.push(loaded.content.event);
    }
    return events;
  }

  /** The one who gets the messages now waits for it. */
  #tellWhenDone(): void {
    if (this.#unpinned && this.#held.size === 0) this.#parts.tell();
  }

  /** Undefined when the stream has it no more: it has grown too old, or too much came after it. */
  async #load({ seq, timestamp }: Piece): Promise<Loaded | undefined> {
    const { link, settings, subscription } = this.#parts;
    const session = await link.whenever();
    const stored = await session?.jsm.streams.getMessage(streamOf[subscription.space], { seq });
    if (stored === undefined || stored === null || !isOneTime(stored.timestamp, timestamp)) {
      settings.log.error({ durable: subscription.durable, seq }, 'the stream has lost an event that was not handled');
      return undefined;
    }
    const message = { subject: stored.subject, data: stored.data, timestamp, headers: stored.header };
    return { message, content: contentOf(message) };
  }

  #acknowledge(key: string, reply: string): void {
    this.#answer(reply, ACK);
    this.#acknowledged.set(key, reply);
    const [oldest] = this.#acknowledged.keys();
    if (this.#acknowledged.size > REMEMBERED && oldest !== undefined) this.#acknowledged.delete(oldest);
  }

  #sayWorking(): void {
    for (const { reply } of this.#held.values()) this.#answer(reply, WORKING);
  }

  /** Without a connection it is lost, and the server gives the event again. */
  #answer(reply: string, answer: string): void {
    this.#parts.link.session?.nc.publish(reply, answer);
  }
}

const isAgain = ({ attempt }: Piece): boolean => attempt > 1;

/** The server writes nanoseconds, the library milliseconds; a stream that was made anew is seconds younger. */
function isOneTime(one: string, other: string): boolean {
  return Math.abs(Date.parse(one) - Date.parse(other)) < 1_000;
}

/** The subject that an answer goes to: the library has it and does not declare it. */
function replyOf(message: JsMsg): string {
  if ('reply' in message && typeof message.reply === 'string') return message.reply;
  throw new Error('the message of JetStream has no address for its answer');
}
