/** The event bus on NATS JetStream. */
import { Transient } from '../../errors/classes.ts';
import { encodeEvent } from '../../events/codec.ts';
import type { KeptnEvent } from '../../events/event.ts';
import { refuseTooLarge } from '../../events/size.ts';
import { subjectOf } from '../../events/subject.ts';
import { publishing } from '../../observe/event-span.ts';
import { settingsOf } from '../options.ts';
import type { BusHealth, EventBus, Handler, Published, SubscribeOptions, Subscription } from '../port.ts';
import { Link } from './link.ts';
import { Publisher } from './publisher.ts';
import { withDefaults, type NatsSettings, type Settings } from './settings.ts';
import { NatsSubscription } from './subscription.ts';

/** Resolves at once: the connection is made in the background, so that a process may start before NATS does. */
export function connectNatsBus(settings: NatsSettings): Promise<EventBus> {
  const bus = new NatsBus(withDefaults(settings));
  bus.start();
  return Promise.resolve(bus);
}

class NatsBus implements EventBus {
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #subscriptions = new Set<NatsSubscription>();
  #closed: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#link = new Link(settings);
    this.#publisher = new Publisher(this.#link, settings);
  }

  start(): void {
    this.#link.start();
  }

  publish(event: KeptnEvent): Promise<Published> {
    return publishing(event, (carried) => this.#store(carried));
  }

  async #store(event: KeptnEvent): Promise<Published> {
    const body = encodeEvent(event);
    refuseTooLarge(Buffer.byteLength(body));
    const message = { subject: subjectOf(event.type), id: event.id, body };
    const { duplicate } = await this.#publisher.publish(message);
    return { duplicate };
  }

  async subscribe(options: SubscribeOptions, handle: Handler): Promise<Subscription> {
    if (this.#closed) throw new Transient('the bus is closed');
    const parts = { link: this.#link, publisher: this.#publisher, settings: this.#settings };
    const subscription = new NatsSubscription(parts, settingsOf(options), handle);
    this.#subscriptions.add(subscription);
    await subscription.attached(this.#settings.publishTimeoutMs);
    return {
      stop: async () => {
        await subscription.stop();
        this.#subscriptions.delete(subscription);
      },
    };
  }

  ready(): boolean {
    return this.#link.session !== undefined;
  }

  health(): BusHealth {
    return { connected: this.ready(), subscriptions: [...this.#subscriptions].map((one) => one.health()) };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((one) => one.stop()));
    await this.#link.close();
  }
}
