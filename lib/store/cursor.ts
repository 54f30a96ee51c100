/** The cursor of a page as its reader holds it: a place in the order of a list, opaque, and checked when it comes back. */
import { z } from 'zod';
import { Terminal } from '../errors/classes.ts';

/** A place: milliseconds since 1970, then what tells items of one time apart. */
export type Place<Tie extends number | string> = readonly [time: number, tie: Tie];

const time = z.int();
const numbers = z.tuple([time, z.int().min(0)]);
const texts = z.tuple([time, z.string().min(1).max(2048)]);

export function cursorOf(place: Place<number | string>): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

export const placeByNumber = (cursor: string | undefined): Place<number> | undefined => read(cursor, numbers);
export const placeByText = (cursor: string | undefined): Place<string> | undefined => read(cursor, texts);

function read<T>(cursor: string | undefined, schema: z.ZodType<T>): T | undefined {
  if (cursor === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (error) {
    throw new Terminal('InvalidField', 'nextPageKey: must be one that a page before gave', { cause: error });
  }
}
