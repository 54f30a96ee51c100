/**
 * The index of a pack (version 2): where in it an object is. Asked by synchronous reads of some hundred bytes, which
 * come out of the page cache in 3 µs; the way to the thread pool takes ten times as long, and the whole index of a
 * large repository tens of megabytes of memory.
 */
import { readSync } from 'node:fs';

const MAGIC = 0xff744f63;
const HEADER = 8;
const FANOUT = 256 * 4;
const ID = 20;
const CRC = 4;
const OFFSET = 4;
/** How many ids are read at once. */
const WINDOW = 128;
/** Of offsets: those beyond 2 GB are in a table of their own, at this place. */
const IS_FAR = 0x80000000;

const scratch = Buffer.allocUnsafe(WINDOW * ID);

export class PackIndex {
  readonly #file: number;
  /** How many objects have ids whose first byte is at most this. */
  readonly #upTo: readonly number[];
  readonly #count: number;

  /** `file`: a descriptor, which the caller closes. Throws when it is no index of version 2. */
  constructor(file: number) {
    this.#file = file;
    const head = Buffer.allocUnsafe(HEADER + FANOUT);
    this.#fill(head, head.length, 0);
    if (head.readUInt32BE(0) !== MAGIC || head.readUInt32BE(4) !== 2) throw new Error('a pack index of a kind unknown');
    this.#upTo = Array.from({ length: 256 }, (_, at) => head.readUInt32BE(HEADER + at * 4));
    this.#count = this.#upTo[255] ?? 0;
  }

  /** The object's offset in the pack; undefined when the pack lacks it. */
  find(id: Buffer): number | undefined {
    const first = id.readUInt8(0);
    let low = first === 0 ? 0 : (this.#upTo[first - 1] ?? 0);
    let high = this.#upTo[first] ?? 0;
    // Ids are evenly spread: the first guess is right nearly always.
    let guess = low + Math.floor((high - low) * (id.readUInt32BE(1) / 2 ** 32));
    while (low < high) {
      const from = Math.max(low, Math.min(guess, high) - WINDOW / 2);
      const size = Math.min(WINDOW, high - from);
      this.#fill(scratch, size * ID, HEADER + FANOUT + from * ID);
      if (compareAt(id, 0) < 0) high = from;
      else if (compareAt(id, size - 1) > 0) low = from + size;
      else {
        const at = searchWindow(id, size);
        return at === undefined ? undefined : this.#offset(from + at);
      }
      guess = (low + high) >> 1;
    }
    return undefined;
  }

  #offset(position: number): number {
    const offsets = HEADER + FANOUT + this.#count * (ID + CRC);
    this.#fill(scratch, OFFSET, offsets + position * OFFSET);
    const offset = scratch.readUInt32BE(0);
    if (offset < IS_FAR) return offset;
    this.#fill(scratch, 8, offsets + this.#count * OFFSET + (offset - IS_FAR) * 8);
    return Number(scratch.readBigUInt64BE(0));
  }

  #fill(buffer: Buffer, length: number, position: number): void {
    if (readSync(this.#file, buffer, 0, length, position) < length) throw new Error('a pack index that is cut off');
  }
}

function searchWindow(id: Buffer, size: number): number | undefined {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compareAt(id, middle);
    if (order === 0) return middle;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return undefined;
}

/** Below 0: the id comes before that of the window. */
const compareAt = (id: Buffer, at: number): number => id.compare(scratch, at * ID, at * ID + ID);
