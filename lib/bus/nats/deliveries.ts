/**
 * The messages of a durable that this process has been given and that have no verdict yet: it keeps them alive at the
 * server, runs them in order for each context, and answers. When another process was given messages before, nothing
 * starts until those are with us or done: otherwise a later event of a context could overtake an earlier one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsMsg } from '@nats-io/jetstream';
import { laneOf, Lanes } from '../lanes.ts';
import type { SubscriptionSettings } from '../options.ts';
import type { Delivery } from '../port.ts';
import type { Decision } from '../decide.ts';
import { contentOf, type Content } from './content.ts';
import type { Link } from './link.ts';
import type { Settings } from './settings.ts';

/** Acknowledgements that are sent again after a lost connection. */
const REMEMBERED = 1_000;
const ACK = '+ACK';
const PIN_HEADER = 'Nats-Pin-Id';
/** How often it is asked whether all that is open is here. */
const GATE_MS = 50;

interface Piece {
  lane: string;
  seq: number;
  key: string;
  /** The newest delivery of the message is the one to answer. */
  message: JsMsg;
  content: Content;
  attempt: number;
}

export interface DeliveriesParts {
  link: Link;
  settings: Settings;
  subscription: SubscriptionSettings;
  decide: (content: Content, delivery: Delivery, message: JsMsg) => Promise<Decision>;
  /** How many messages have no answer yet, in all processes; undefined when the server does not say. */
  unanswered: () => Promise<number | undefined>;
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
  #stopped = false;

  constructor(parts: DeliveriesParts) {
    this.#parts = parts;
    this.#lanes = new Lanes(parts.subscription.concurrency, (piece) => this.#bringToVerdict(piece));
    this.#heartbeat = setInterval(() => this.#sayWorking(), parts.subscription.ackWaitMs / 3);
  }

  take(message: JsMsg): void {
    if (this.#stopped) {
      this.#answer(() => message.nak());
      return;
    }
    const pin = message.headers?.get(PIN_HEADER) ?? '';
    if (pin !== this.#pin) {
      this.#pin = pin;
      this.#close();
    }
    // The time as well: a stream that was made anew counts from one again.
    const key = `${message.seq}/${message.info.timestampNanos}`;
    const held = this.#held.get(key);
    if (held) {
      // The server missed our heartbeats while the connection was down; it is still in our hands.
      held.message = message;
      return;
    }
    if (this.#acknowledged.has(key)) {
      // The server never got the answer.
      this.#acknowledge(key, message);
      return;
    }
    this.#hold(key, message);
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
    for (const { message } of [...left, ...(this.#waiting ?? [])]) this.#answer(() => message.nak());
  }

  /** A message from another process that ours is not to begin with: it goes to who has the pin now. */
  giveBackWaiting(): void {
    for (const { key, message } of this.#waiting ?? []) {
      this.#held.delete(key);
      this.#answer(() => message.nak());
    }
    if (this.#waiting) this.#waiting = [];
  }

  #hold(key: string, message: JsMsg): void {
    const { seq } = message;
    const content = contentOf(message);
    const lane = laneOf(content.event.shkeptncontext, this.#parts.subscription.concurrency);
    const piece = { lane, seq, key, message, content, attempt: message.info.deliveryCount };
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
    for (; !this.#stopped; await sleep(GATE_MS)) {
      const unanswered = await this.#parts.unanswered().catch(() => undefined);
      if (unanswered === undefined || unanswered > this.#held.size) continue;
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const piece of waiting.sort((a, b) => a.seq - b.seq)) this.#lanes.add(piece);
      return;
    }
  }

  /** Gives the milliseconds until the next try, if there is to be one. */
  async #bringToVerdict(piece: Piece): Promise<number | undefined> {
    const { link, decide, settings, subscription } = this.#parts;
    const { content, attempt } = piece;
    try {
      const { event, dead } = content;
      const decision = await decide(content, { event, attempt, ...(dead ? { dead } : {}) }, piece.message);
      if (decision.kind === 'retry') {
        piece.attempt += 1;
        return decision.afterMs;
      }
    } catch (error) {
      settings.log.error({ err: error, durable: subscription.durable, seq: piece.seq }, 'delivery failed');
      return GATE_MS;
    }
    // An answer that is given while the connection is down would be lost, and the event come again.
    await link.whenever();
    this.#held.delete(piece.key);
    this.#acknowledge(piece.key, piece.message);
    return undefined;
  }

  #acknowledge(key: string, message: JsMsg): void {
    this.#answer(() => message.ack());
    const reply = replyOf(message);
    if (reply !== undefined) this.#acknowledged.set(key, reply);
    const [oldest] = this.#acknowledged.keys();
    if (this.#acknowledged.size > REMEMBERED && oldest !== undefined) this.#acknowledged.delete(oldest);
  }

  #sayWorking(): void {
    for (const { message } of this.#held.values()) this.#answer(() => message.working());
  }

  #answer(send: () => void): void {
    try {
      send();
    } catch {
      // The connection is closed: the server gives the event again.
    }
  }
}

/** The subject that an acknowledgement goes to: the library has it and does not declare it. */
function replyOf(message: JsMsg): string | undefined {
  return 'reply' in message && typeof message.reply === 'string' ? message.reply : undefined;
}
