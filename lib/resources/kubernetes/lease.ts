/**
 * Leader election by a coordination.k8s.io Lease, with the durations that client-go has: a lease lasts 15 s, is renewed
 * every 2 s, and a leader that could not renew for 10 s gives up before another may begin.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CoordinationV1Api, type KubeConfig, type V1Lease, V1MicroTime } from '@kubernetes/client-node';
import { messageOf } from '../../errors/classes.ts';
import type { Logger } from '../../observe/log.ts';
import { Caller, statusOf } from './calls.ts';

const LEASE_SECONDS = 15;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 2_000;

export interface LeaseOptions {
  config: KubeConfig;
  namespace: string;
  name: string;
  /** Names this process: the pod's name. */
  identity: string;
  log: Logger;
}

export class Lease {
  readonly #api: CoordinationV1Api;
  readonly #options: LeaseOptions;
  readonly #caller = new Caller();
  /** The last state of the lease and when this process first saw it: clocks of machines are not compared. */
  #seen = { version: '', at: 0 };

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#api = options.config.makeApiClient(CoordinationV1Api);
  }

  /** Resolves true when this process leads, false when the signal was aborted before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#try()) return true;
      await sleep(RETRY_MS * (0.8 + Math.random() * 0.4), undefined, { signal }).catch(() => undefined);
    }
    return false;
  }

  /** Renews until the signal; resolves true when it was aborted, false when the lease was lost. */
  async hold(signal: AbortSignal): Promise<boolean> {
    let renewed = Date.now();
    while (!signal.aborted) {
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return true;
      if (await this.#try()) renewed = Date.now();
      else if (Date.now() - renewed > RENEW_DEADLINE_MS) return false;
    }
    return true;
  }

  /** Gives the lease back, so that the next leader need not wait for its end. */
  async release(): Promise<void> {
    try {
      const lease = await this.#read();
      if (lease?.spec?.holderIdentity === this.#options.identity) await this.#write(lease, '');
    } catch (error) {
      this.#options.log.warn({ err: messageOf(error) }, 'lease not released, it ends by itself');
    }
  }

  /** One try to take or to renew the lease. */
  async #try(): Promise<boolean> {
    const { identity, log } = this.#options;
    try {
      const lease = await this.#read();
      if (!lease) {
        await this.#create();
        return true;
      }
      const holder = lease.spec?.holderIdentity ?? '';
      if (holder !== identity && holder !== '' && !this.#expired(lease)) return false;
      await this.#write(lease, identity);
      return true;
    } catch (error) {
      // 409: another process was faster.
      if (statusOf(error) !== 409) log.warn({ err: messageOf(error) }, 'lease not reachable');
      return false;
    }
  }

  #expired(lease: V1Lease): boolean {
    const version = lease.metadata?.resourceVersion ?? '';
    if (version !== this.#seen.version) this.#seen = { version, at: Date.now() };
    return Date.now() - this.#seen.at > (lease.spec?.leaseDurationSeconds ?? LEASE_SECONDS) * 1000;
  }

  async #read(): Promise<V1Lease | undefined> {
    const { name, namespace } = this.#options;
    try {
      return await this.#caller.timed((options) => this.#api.readNamespacedLease({ name, namespace }, options));
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async #create(): Promise<void> {
    const { name, namespace, identity } = this.#options;
    const now = new V1MicroTime();
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_SECONDS,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    };
    await this.#caller.timed((options) =>
      this.#api.createNamespacedLease({ namespace, body: { metadata: { name, namespace }, spec } }, options),
    );
  }

  /** Optimistic: `lease` carries the resourceVersion that was read. */
  async #write(lease: V1Lease, holder: string): Promise<void> {
    const { name, namespace } = this.#options;
    const changes = lease.spec?.holderIdentity !== holder;
    const now = new V1MicroTime();
    const spec = {
      ...lease.spec,
      holderIdentity: holder,
      leaseDurationSeconds: holder === '' ? 1 : LEASE_SECONDS,
      renewTime: now,
      ...(changes && { acquireTime: now, leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 }),
    };
    await this.#caller.timed((options) =>
      this.#api.replaceNamespacedLease({ name, namespace, body: { ...lease, spec } }, options),
    );
  }
}
