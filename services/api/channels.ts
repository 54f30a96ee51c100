/**
 * What is said in keptn contexts, for readers: who joins gets what was said in the last minutes and then what follows. All is
 * bounded: the lines of a channel, the channels, and the time that a channel is kept after its last line.
 */

/** Takes a line; false when it is not able to. */
export type Reader = (line: string) => boolean;

interface Channel {
  lines: string[];
  readers: Set<Reader>;
  saidAt: number;
}

const LINES = 500;
/** Characters of all channels; the one that has been silent longest goes first. */
const ALL_CHARACTERS = 32 * 1024 * 1024;
const KEPT_MS = 15 * 60_000;
const SWEEP_MS = 60_000;

export class Channels {
  /** The one that was spoken in last is the last. */
  readonly #channels = new Map<string, Channel>();
  readonly #timer: NodeJS.Timeout;
  #characters = 0;

  constructor() {
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  say(context: string, line: string): void {
    const channel = this.#channels.get(context) ?? { lines: [], readers: new Set(), saidAt: 0 };
    this.#channels.delete(context);
    this.#channels.set(context, channel);
    channel.saidAt = Date.now();
    channel.lines.push(line);
    this.#characters += line.length;
    if (channel.lines.length > LINES) this.#characters -= channel.lines.shift()?.length ?? 0;
    for (const reader of channel.readers) if (!reader(line)) channel.readers.delete(reader);
    this.#makeRoom();
  }

  /** Gives back how to leave. */
  join(context: string, reader: Reader): () => void {
    const channel = this.#channels.get(context) ?? { lines: [], readers: new Set(), saidAt: Date.now() };
    this.#channels.set(context, channel);
    if (channel.lines.every((line) => reader(line))) channel.readers.add(reader);
    return () => channel.readers.delete(reader);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #makeRoom(): void {
    for (const [context, channel] of this.#channels) {
      if (this.#characters <= ALL_CHARACTERS) return;
      // Readers keep their channel; what they have heard they need no more.
      this.#forget(channel);
      if (channel.readers.size === 0) this.#channels.delete(context);
    }
  }

  #sweep(): void {
    const before = Date.now() - KEPT_MS;
    for (const [context, channel] of this.#channels) {
      if (channel.saidAt > before || channel.readers.size > 0) continue;
      this.#forget(channel);
      this.#channels.delete(context);
    }
  }

  #forget({ lines }: Channel): void {
    for (const line of lines.splice(0)) this.#characters -= line.length;
  }
}
