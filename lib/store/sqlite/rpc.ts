/** Calls into a worker thread: one after the other there, answered as promises here. */
import { parentPort, Worker } from 'node:worker_threads';
import { messageOf, Transient } from '../../errors/classes.ts';

/** What a thread offers. Arguments and results are copied. */
export type Calls = Record<string, (...args: never[]) => unknown>;

interface Request {
  id: number;
  call: string;
  args: unknown[];
}

type Response = { id: number } & ({ result: unknown } | { error: string; isTransient: boolean });

/** Busy, locked, disk error, disk full, cannot open: SQLite's numbers of what may pass. */
const passing = new Set([5, 6, 10, 13, 14]);

/** In the thread: answers calls. */
export function serve(calls: Calls): void {
  if (!parentPort) throw new Error('this file is a thread, no program');
  const port = parentPort;
  port.on('message', ({ id, call, args }: Request) => {
    try {
      port.postMessage({ id, result: calls[call]?.(...(args as never[])) } satisfies Response);
    } catch (error) {
      const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
      port.postMessage({ id, error: messageOf(error), isTransient: passing.has(code) } satisfies Response);
    }
  });
}

/** A thread keeps little; what it may need for the largest batch or page is the old generation. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 128 };

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

export class Thread<C extends Calls> {
  readonly #file: URL;
  readonly #workerData: unknown;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #nextId = 1;
  #isClosed = false;

  /** `file` calls `serve`. */
  constructor(file: URL, workerData: unknown) {
    this.#file = file;
    this.#workerData = workerData;
    this.#worker = this.#start();
  }

  call<Name extends keyof C & string>(call: Name, ...args: Parameters<C[Name]>): Promise<ReturnType<C[Name]>> {
    if (this.#isClosed) return Promise.reject(new Transient('the event store is closed'));
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    this.#worker ??= this.#start();
    this.#worker.postMessage({ id, call, args } satisfies Request);
    return promise as Promise<ReturnType<C[Name]>>;
  }

  async end(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#file, { workerData: this.#workerData, resourceLimits });
    let reason = 'its thread has ended';
    worker.on('message', (response: Response) => this.#answer(response));
    worker.once('error', (error) => (reason = messageOf(error)));
    // With the next call another one begins: a transaction that was open has not happened.
    worker.once('exit', () => {
      this.#worker = undefined;
      for (const { reject } of this.#pending.values()) reject(new Transient(`the event store: ${reason}`));
      this.#pending.clear();
    });
    return worker;
  }

  #answer(response: Response): void {
    const pending = this.#pending.get(response.id);
    this.#pending.delete(response.id);
    if ('result' in response) return pending?.resolve(response.result);
    const { error, isTransient } = response;
    pending?.reject(isTransient ? new Transient(`the event store: ${error}`) : new Error(error));
  }
}
