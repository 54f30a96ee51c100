/** Reads request bodies, each up to a limit and all together up to another, so that no sender can take all memory. */
import type { IncomingMessage } from 'node:http';
import { Terminal, Transient } from '../errors/classes.ts';

/** Of all bodies that are being read or handled. */
const ALL_BYTES = 128 * 1024 * 1024;

export class Bodies {
  readonly #limit: number;
  #held = 0;

  /** `limit`: bytes of one body. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Gives `work` the body, which counts as held until that ends. */
  async use<T>(request: IncomingMessage, work: (body: Buffer) => Promise<T>): Promise<T> {
    // What says its size is refused before it is read.
    if (Number(request.headers['content-length'] ?? 0) > this.#limit) throw this.#tooLarge();
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        size += chunk.length;
        this.#held += chunk.length;
        if (size > this.#limit) throw this.#tooLarge();
        if (this.#held > ALL_BYTES) throw new Transient('too much is being received at once');
        chunks.push(chunk);
      }
      return await work(Buffer.concat(chunks));
    } finally {
      this.#held -= size;
    }
  }

  #tooLarge(): Terminal {
    return new Terminal('TooLarge', `the body is too large: ${this.#limit} bytes are allowed`);
  }
}
