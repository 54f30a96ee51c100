/**
 * Which delivery a service has in a stage. The next one begins when it has left: what is tested is not exchanged under the
 * tests. Of those that wait only the newest will begin. After a restart the history tells who was there.
 */
import { Waiting } from '../../lib/errors/classes.ts';
import { deliveryOf } from '../../lib/delivery/delivery.ts';
import { isOver } from '../../lib/delivery/stage.ts';
import { eventTypes } from '../../lib/events/event.ts';
import type { History } from '../../lib/history/client.ts';
import type { Strategy } from './charts/chart.ts';
import { keyOf, type Slot } from './target.ts';

/** A gatekeeper of 0.6.2 says nothing at the end: it has decided by then. */
const DECIDED_MS = 60_000;

/** The delivery that has a slot, or had it. */
interface Holder {
  keptnContext: string;
  left: boolean;
  /** How it was deployed, where this process has done it. */
  strategy?: Strategy;
}

/** A delivery at the door of a stage. */
export interface Candidate {
  keptnContext: string;
  /** Of its configuration.change. */
  time: string;
  image: string;
}

export class Slots {
  readonly #history: History;
  readonly #holders = new Map<string, Holder>();
  readonly #next = new Map<string, Candidate>();
  readonly #busy = new Set<string>();

  constructor(history: History) {
    this.#history = history;
  }

  /** Runs `work` with nobody else in the slot; `Waiting` while there is. */
  async alone<T>(place: Slot, work: () => Promise<T>): Promise<T> {
    const key = keyOf(place);
    if (this.#busy.has(key))
      throw new Waiting('Conflict', `another change of ${place.service} in ${place.stage} is at work`);
    this.#busy.add(key);
    try {
      return await work();
    } finally {
      this.#busy.delete(key);
    }
  }

  /** Takes the slot; the newer candidate that it has to give way to; `Waiting` while another delivery is in it. */
  async enter(place: Slot, candidate: Candidate): Promise<Candidate | undefined> {
    const key = keyOf(place);
    const next = this.#next.get(key);
    if (next && next.keptnContext !== candidate.keptnContext && Date.parse(next.time) > Date.parse(candidate.time))
      return next;
    const holder = this.#holders.get(key) ?? (await this.#lastIn(place));
    if (
      holder &&
      !holder.left &&
      holder.keptnContext !== candidate.keptnContext &&
      !(await this.#hasLeft(holder.keptnContext, place))
    ) {
      this.#holders.set(key, holder);
      this.#next.set(key, candidate);
      const { service, stage } = place;
      throw new Waiting(
        'Conflict',
        `${service} ${candidate.image} waits: delivery ${holder.keptnContext} is in ${stage}`,
      );
    }
    this.#holders.set(key, { keptnContext: candidate.keptnContext, left: false });
    if (next?.keptnContext === candidate.keptnContext) this.#next.delete(key);
    return undefined;
  }

  /** True when the delivery has the slot, as far as is known. */
  async holds(place: Slot, keptnContext: string): Promise<boolean> {
    const holder = this.#holders.get(keyOf(place)) ?? (await this.#lastIn(place));
    return holder === undefined || holder.keptnContext === keptnContext;
  }

  /** What a delivery in the slot was deployed as, for its end. */
  deployed(place: Slot, keptnContext: string, strategy: Strategy): void {
    const holder = this.#holders.get(keyOf(place));
    if (holder?.keptnContext === keptnContext) holder.strategy = strategy;
  }

  strategyOf(place: Slot, keptnContext: string): Strategy | undefined {
    const holder = this.#holders.get(keyOf(place));
    return holder?.keptnContext === keptnContext ? holder.strategy : undefined;
  }

  leave(place: Slot, keptnContext: string): void {
    const holder = this.#holders.get(keyOf(place));
    if (holder?.keptnContext === keptnContext) holder.left = true;
  }

  async #lastIn({ project, stage, service }: Slot): Promise<Holder | undefined> {
    const search = { project, stage, service, type: eventTypes.deploymentFinished };
    const last = await this.#history.newest(search);
    return last && { keptnContext: last.shkeptncontext, left: false };
  }

  async #hasLeft(keptnContext: string, { project, stage, service }: Slot): Promise<boolean> {
    const { stages } = deliveryOf(await this.#history.events({ keptnContext, project, service }), stage);
    const state = stages.get(stage);
    if (!state) return false;
    return isOver(state) || (state.phase === 'Promoting' && Date.now() - Date.parse(state.since) > DECIDED_MS);
  }
}
