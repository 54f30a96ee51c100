/**
 * The processes of one durable. The server gives all messages to one of them, which keeps their order; it hands each
 * delivery to whoever has least in work, itself or another. They tell each other that they are there once a second, and
 * what they have in work, so that a delivery is missed that died with its process or whose answer was lost.
 */
import { randomUUID } from 'node:crypto';
import { headers, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import { messageOf } from '../../errors/classes.ts';
import { parseJson } from '../../errors/parse-json.ts';
import type { SubscriptionSettings } from '../options.ts';
import type { Delivery, Handler, Verdict } from '../port.ts';
import { contentOf, deliveryOf, type StoredMessage } from './content.ts';
import type { Link } from './link.ts';

const PRESENCE_MS = 1_000;
/** Who said nothing for this long is gone. */
const GONE_MS = 3_500;
/** A delivery that was sent this long ago must be in what its process tells. */
const ARRIVED_MS = 2_000;
/** Beyond the time after which the server takes messages of a silent process for nobody's. */
const RELEASE_MS = 1_000;
const names = {
  job: 'Keptn-Job',
  from: 'Keptn-From',
  attempt: 'Keptn-Attempt',
  subject: 'Keptn-Subject',
  at: 'Keptn-At',
};

const presence = z.object({ id: z.string(), jobs: z.array(z.string()), leaving: z.boolean(), holding: z.int() });
const verdict: z.ZodType<Verdict> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ack') }),
  z.object({ kind: z.literal('retry'), afterMs: z.number().exactOptional(), reason: z.string().exactOptional() }),
  z.object({ kind: z.literal('dead'), reason: z.string() }),
]);
/** Without a verdict: the process is about to stop and did not begin. */
const answer = z.object({ job: z.string(), verdict: verdict.optional() });

interface Peer {
  heardAt: number;
  /** It is about to stop: it ends what it has, and takes nothing more. */
  leaving: boolean;
  /** Deliveries that we gave it. */
  jobs: Map<string, Job>;
}

interface Job {
  sentAt: number;
  resolve: (verdict: Verdict | undefined) => void;
  reject: (error: Error) => void;
}

export class Peers {
  readonly #id = randomUUID();
  readonly #subject: string;
  readonly #handle: Handler;
  readonly #link: Link;
  readonly #holding: () => number;
  readonly #releasedMs: number;
  readonly #peers = new Map<string, Peer>();
  /** When those who have messages said so last. */
  readonly #holders = new Map<string, number>();
  /** What we do for others. */
  readonly #borrowed = new Map<string, Promise<void>>();
  #ownRunning = 0;
  #leaving = false;

  /** `holding`: how many messages this process has. */
  constructor(link: Link, { durable, space, ackWaitMs }: SubscriptionSettings, handle: Handler, holding: () => number) {
    this.#holding = holding;
    this.#releasedMs = ackWaitMs + RELEASE_MS;
    this.#link = link;
    this.#subject = `keptn.work.${space}.${durable}`;
    this.#handle = handle;
  }

  /** Listens to the others on this connection; gives back how to end that. */
  async attach(nc: NatsConnection): Promise<() => void> {
    for (const peer of this.#peers.values()) peer.heardAt = Date.now();
    const listen = (subject: string, on: (message: Msg) => void): Subscription =>
      nc.subscribe(`${this.#subject}.${subject}`, {
        callback: (error, message) => {
          if (!error) on(message);
        },
      });
    const subscriptions = [
      listen('present', (message) => this.#hear(nc, message)),
      listen(`${this.#id}.do`, (message) => this.#borrow(message)),
      listen(`${this.#id}.done`, (message) => this.#settle(message)),
    ];
    const timer = setInterval(() => this.#tell(nc), PRESENCE_MS);
    this.#tell(nc);
    // What is subscribed and told is so when this has come back.
    await nc.flush();
    return () => {
      clearInterval(timer);
      for (const subscription of subscriptions) if (!nc.isClosed()) subscription.unsubscribe();
    };
  }

  /** True while another process has messages: it says so, or has said so and may merely be slow to speak. */
  othersHold(): boolean {
    for (const [id, saidAt] of this.#holders) if (Date.now() - saidAt > this.#releasedMs) this.#holders.delete(id);
    return this.#holders.size > 0;
  }

  /** Tells the others what we have, now. */
  tell(): void {
    const nc = this.#link.session?.nc;
    if (nc) this.#tell(nc);
  }

  /** Has the delivery handled, here or elsewhere. */
  async run(message: StoredMessage, delivery: Delivery): Promise<Verdict> {
    this.#forgetTheGone();
    const [id, peer] = this.#leastBusy();
    if (id !== undefined && peer !== undefined) {
      const given = await this.#give(id, peer, message, delivery.attempt);
      if (given !== undefined) return given;
    }
    this.#ownRunning += 1;
    try {
      return await this.#handle(delivery);
    } finally {
      this.#ownRunning -= 1;
    }
  }

  /** Takes nothing more from others, and ends what it has of theirs. */
  async leave(): Promise<void> {
    this.#leaving = true;
    this.tell();
    await Promise.all(this.#borrowed.values());
  }

  #leastBusy(): [string, Peer] | [undefined, undefined] {
    let least: [string, Peer] | [undefined, undefined] = [undefined, undefined];
    let fewest = this.#ownRunning + this.#borrowed.size;
    for (const [id, peer] of this.#peers) {
      if (peer.leaving || peer.jobs.size >= fewest) continue;
      fewest = peer.jobs.size;
      least = [id, peer];
    }
    return least;
  }

  async #give(id: string, peer: Peer, message: StoredMessage, attempt: number): Promise<Verdict | undefined> {
    const nc = this.#link.session?.nc;
    if (nc === undefined) return undefined;
    const job = randomUUID();
    const extra = headers();
    for (const [name, values] of message.headers ?? []) for (const value of values) extra.append(name, value);
    extra.set(names.job, job);
    extra.set(names.from, this.#id);
    extra.set(names.attempt, String(attempt));
    extra.set(names.subject, message.subject);
    extra.set(names.at, message.timestamp);
    const { promise, resolve, reject } = Promise.withResolvers<Verdict | undefined>();
    peer.jobs.set(job, { sentAt: Date.now(), resolve, reject });
    try {
      nc.publish(`${this.#subject}.${id}.do`, message.data, { headers: extra });
      return await promise;
    } finally {
      peer.jobs.delete(job);
    }
  }

  #borrow(message: Msg): void {
    const field = (name: string): string => message.headers?.get(name) ?? '';
    const [job, from] = [field(names.job), field(names.from)];
    if (this.#leaving) return void this.#answer(from, { job });
    const stored = { subject: field(names.subject), data: message.data, timestamp: field(names.at) };
    const content = contentOf({ ...stored, headers: message.headers });
    const work = this.#handle(deliveryOf(content, Number(field(names.attempt))))
      .catch((error: unknown): Verdict => ({ kind: 'retry', reason: messageOf(error) }))
      .then((given) => this.#answer(from, { job, verdict: given }))
      .finally(() => this.#borrowed.delete(job));
    this.#borrowed.set(job, work);
  }

  async #answer(to: string, content: z.infer<typeof answer>): Promise<void> {
    // An answer into a broken connection would be lost.
    const session = await this.#link.whenever();
    session?.nc.publish(`${this.#subject}.${to}.done`, JSON.stringify(content));
  }

  #settle(message: Msg): void {
    const { data } = answer.safeParse(parseJson(message.string()));
    if (data === undefined) return;
    for (const { jobs } of this.#peers.values()) jobs.get(data.job)?.resolve(data.verdict);
  }

  #tell(nc: NatsConnection): void {
    if (nc.isClosed()) return;
    const jobs = [...this.#borrowed.keys()];
    const content = { id: this.#id, jobs, leaving: this.#leaving, holding: this.#holding() };
    nc.publish(`${this.#subject}.present`, JSON.stringify(content));
    this.#forgetTheGone();
  }

  #hear(nc: NatsConnection, message: Msg): void {
    const { data } = presence.safeParse(parseJson(message.string()));
    if (data === undefined || data.id === this.#id) return;
    if (data.holding > 0) this.#holders.set(data.id, Date.now());
    else this.#holders.delete(data.id);
    let peer = this.#peers.get(data.id);
    if (peer === undefined) {
      if (data.leaving) return;
      peer = { heardAt: Date.now(), leaving: false, jobs: new Map() };
      this.#peers.set(data.id, peer);
      // So that a newcomer knows us at once.
      this.#tell(nc);
    }
    Object.assign(peer, { heardAt: Date.now(), leaving: data.leaving });
    const there = new Set(data.jobs);
    for (const [job, { sentAt, reject }] of peer.jobs) {
      if (!there.has(job) && Date.now() - sentAt > ARRIVED_MS) reject(new Error('the process that had it lost it'));
    }
  }

  #forgetTheGone(): void {
    // Without a connection nobody can be heard.
    if (this.#link.session === undefined) return;
    for (const [id, { heardAt, jobs }] of this.#peers) {
      if (Date.now() - heardAt < GONE_MS) continue;
      this.#peers.delete(id);
      for (const { reject } of jobs.values()) reject(new Error('the process that had it is gone'));
    }
  }
}
