/** Git's deltas: an object as pieces copied from another one, its base, and pieces of its own. */

/** Gives the object that the delta makes of its base; `limit`: of its size in bytes. */
export function applyDelta(base: Buffer, delta: Buffer, limit: number): Buffer {
  const from = readSize(delta, 0);
  const to = readSize(delta, from.end);
  if (from.size !== base.length || to.size > limit) throw damaged();
  const result = Buffer.allocUnsafe(to.size);
  let written = 0;
  for (let at = to.end; at < delta.length;) {
    const command = delta.readUInt8(at++);
    let source = delta;
    let start = at;
    let length = command;
    if (command >= 0x80) {
      source = base;
      start = 0;
      length = 0;
      // Each bit of the command says whether that byte of the offset, then of the length, follows; others are 0.
      for (let byte = 0; byte < 4; byte += 1)
        if (command & (1 << byte)) start += delta.readUInt8(at++) * 2 ** (8 * byte);
      for (let byte = 0; byte < 3; byte += 1) if (command & (16 << byte)) length += delta.readUInt8(at++) << (8 * byte);
      length ||= 0x10000;
    } else {
      at += length;
    }
    if (length === 0 || start + length > source.length || written + length > to.size) throw damaged();
    source.copy(result, written, start, start + length);
    written += length;
  }
  if (written !== to.size) throw damaged();
  return result;
}

/** Seven bits a byte, the lowest first. */
function readSize(bytes: Buffer, from: number): { size: number; end: number } {
  let size = 0;
  for (let at = from; ; at += 1) {
    const byte = bytes.readUInt8(at);
    size += (byte & 0x7f) * 2 ** (7 * (at - from));
    if (byte < 0x80) return { size, end: at + 1 };
  }
}

const damaged = (): Error => new Error('damaged delta in a pack');
