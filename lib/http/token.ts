/** The API's token in a request: in the header `x-token`, as a bearer token, or as the password of any user. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export function tokenIn(headers: IncomingHttpHeaders): string | undefined {
  const own = headers['x-token'];
  if (typeof own === 'string') return own;
  const [scheme = '', value] = (headers.authorization ?? '').split(' ');
  if (value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

/** Takes the same time however much of the token is right. */
export function isToken(given: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given ?? ''), digest(token)) && given !== undefined;
}
