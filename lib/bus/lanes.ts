/**
 * Runs pieces of work in the order of their numbers within a lane, and several lanes at once. A lane whose first piece
 * waits for its next try takes no place, so that the other lanes go on.
 */

export interface Piece {
  lane: string;
  seq: number;
  bytes: number;
}

/** Of the pieces that run at once: one that is larger runs alone. */
const RUNNING_BYTES = 32 * 1024 * 1024;

interface Lane<T> {
  key: string;
  /** The first is the one in work. */
  pieces: T[];
  state: 'ready' | 'running' | 'resting';
}

/** Runs one piece; gives the milliseconds until its next try, or nothing when it is done. */
export type Work<T> = (piece: T) => Promise<number | undefined>;

export class Lanes<T extends Piece> {
  /** Pieces that run at once. */
  size: number;
  readonly #work: Work<T>;
  readonly #lanes = new Map<string, Lane<T>>();
  readonly #ready = new Set<Lane<T>>();
  readonly #running = new Set<Promise<void>>();
  #runningBytes = 0;
  readonly #resting = new Set<NodeJS.Timeout>();
  #stopped = false;

  constructor(size: number, work: Work<T>) {
    this.size = size;
    this.#work = work;
  }

  add(piece: T): void {
    const lane = this.#lanes.get(piece.lane);
    if (lane === undefined) {
      const fresh: Lane<T> = { key: piece.lane, pieces: [piece], state: 'ready' };
      this.#lanes.set(piece.lane, fresh);
      this.#ready.add(fresh);
      this.#pump();
      return;
    }
    let place = lane.pieces.length;
    const first = lane.state === 'ready' ? 0 : 1;
    while (place > first && (lane.pieces[place - 1]?.seq ?? 0) > piece.seq) place -= 1;
    lane.pieces.splice(place, 0, piece);
  }

  /** What waits in the lane of a piece that is in work, in order. */
  behind({ lane }: T): readonly T[] {
    return this.#lanes.get(lane)?.pieces.slice(1) ?? [];
  }

  /** Starts nothing more, and waits for what runs. Gives the pieces that are not done. */
  async stop(): Promise<T[]> {
    this.#stopped = true;
    for (const timer of this.#resting) clearTimeout(timer);
    while (this.#running.size > 0) await Promise.all(this.#running);
    const left = [...this.#lanes.values()].flatMap(({ pieces }) => pieces);
    return left.sort((a, b) => a.seq - b.seq);
  }

  /** Takes out what does not run. */
  giveBack(): T[] {
    const back: T[] = [];
    for (const lane of this.#lanes.values()) {
      back.push(...lane.pieces.splice(lane.state === 'running' ? 1 : 0));
      if (lane.pieces.length > 0) continue;
      this.#lanes.delete(lane.key);
      this.#ready.delete(lane);
    }
    return back;
  }

  #pump(): void {
    for (const lane of this.#ready) {
      if (this.#stopped || this.#running.size >= this.size) return;
      const [piece] = lane.pieces;
      if (piece === undefined) {
        // It rested, and was given back meanwhile.
        this.#ready.delete(lane);
        continue;
      }
      if (this.#running.size > 0 && this.#runningBytes + piece.bytes > RUNNING_BYTES) return;
      this.#ready.delete(lane);
      this.#start(lane, piece);
    }
  }

  #start(lane: Lane<T>, piece: T): void {
    lane.state = 'running';
    this.#runningBytes += piece.bytes;
    const running = this.#work(piece).then((restMs) => {
      this.#running.delete(running);
      this.#runningBytes -= piece.bytes;
      if (restMs === undefined) this.#next(lane);
      else this.#rest(lane, restMs);
      this.#pump();
    });
    this.#running.add(running);
  }

  #next(lane: Lane<T>): void {
    lane.pieces.shift();
    lane.state = 'ready';
    if (lane.pieces.length > 0) this.#ready.add(lane);
    else this.#lanes.delete(lane.key);
  }

  #rest(lane: Lane<T>, ms: number): void {
    lane.state = 'resting';
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#resting.delete(timer);
      lane.state = 'ready';
      this.#ready.add(lane);
      this.#pump();
    }, ms);
    this.#resting.add(timer);
  }
}

/** The lane of an event: one for all when they come one at a time, else one for each keptn context. */
export function laneOf(context: string, concurrency: number): string {
  return concurrency === 1 ? '' : context;
}
