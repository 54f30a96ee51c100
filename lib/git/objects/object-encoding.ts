/** Git's objects as bytes: a header with type and size in front of the content, and an id that is the SHA-1 of both. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflate, deflateSync, inflate, inflateSync } from 'node:zlib';

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';

/** An object whose id is known and whose header is in front of its content. */
export interface EncodedObject {
  type: ObjectType;
  id: string;
  bytes: Buffer;
}

export interface StoredObject {
  type: ObjectType;
  content: Buffer;
}

/** Largest object that is read: far above what the service accepts, below what takes down the process. */
export const LARGEST_OBJECT = 256 * 1024 * 1024;

const deflateLater = promisify(deflate);
const inflateLater = promisify(inflate);
/** Below this, zlib is faster than the way to the thread pool. */
const SMALL = 16 * 1024;
/** Level 1 is 4 times faster than 6 and costs a tenth more space until git packs the objects anyway. */
const COMPRESSION = { level: 1 };

const headerOf = (type: ObjectType, size: number): Buffer => Buffer.from(`${type} ${size}\0`);

export function encodeObject(type: ObjectType, content: Uint8Array): EncodedObject {
  const bytes = Buffer.concat([headerOf(type, content.length), content]);
  return { type, id: createHash('sha1').update(bytes).digest('hex'), bytes };
}

/** True when the object is what its id says. */
export function hasId({ type, content }: StoredObject, id: string): boolean {
  return createHash('sha1').update(headerOf(type, content.length)).update(content).digest('hex') === id;
}

/** As a loose object's file has it. */
export async function compressObject({ type, bytes }: EncodedObject): Promise<Buffer> {
  if (bytes.length < SMALL) return deflateSync(bytes, COMPRESSION);
  // A large folder is mostly ids, which do not shrink (by 23 %): 0.2 ms instead of 2 for 5,000 files.
  if (type === 'tree') return deflateSync(bytes, { level: 0 });
  return deflateLater(bytes, COMPRESSION);
}

/** Of a loose object's file. */
export async function decompressObject(packed: Buffer): Promise<StoredObject> {
  const options = { maxOutputLength: LARGEST_OBJECT };
  const bytes = packed.length < SMALL ? inflateSync(packed, options) : await inflateLater(packed, options);
  const end = bytes.indexOf(0);
  const type = bytes.toString('latin1', 0, bytes.indexOf(' '));
  if (type !== 'blob' && type !== 'tree' && type !== 'commit' && type !== 'tag') {
    throw new Error(`an object of type ${type}`);
  }
  return { type, content: bytes.subarray(end + 1) };
}

/** The first `size` bytes that `packed` stands for, whatever follows there. Throws when it has fewer or more. */
export async function inflateExactly(packed: Buffer, size: number): Promise<Buffer> {
  const options = { maxOutputLength: size + 1, chunkSize: Math.min(size + 64, 64 * 1024) };
  const bytes = size < SMALL ? inflateSync(packed, options) : await inflateLater(packed, options);
  if (bytes.length !== size) throw new Error(`an object of ${bytes.length} bytes that says ${size}`);
  return bytes;
}
