/** The ways to prove who one is: the API token, a user with a password, the link that standalone prints; OIDC is in oidc.ts. */
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { isToken, tokenIn } from '../../lib/http/token.ts';

export interface Access {
  /** The API token. */
  token: string;
  /** False: it opens the api, and not the Bridge. */
  tokenLogin: boolean;
  /** As BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD of 0.6.2. */
  basic?: { user: string; password: string } | undefined;
  /** Of a link that logs in whoever opens it. */
  ticket?: string | undefined;
}

const text = z.string().min(1).max(4096);
export const credentials = z.union([
  z.strictObject({ token: text }),
  z.strictObject({ user: text, password: text }),
  z.strictObject({ ticket: text }),
]);
export type Credentials = z.output<typeof credentials>;

/** The name of who gave these; undefined when they are wrong. */
export function userOf(given: Credentials, { token, tokenLogin, basic, ticket }: Access): string | undefined {
  if ('token' in given) return tokenLogin && isToken(given.token, token) ? 'API token' : undefined;
  if ('ticket' in given) return ticket !== undefined && isToken(given.ticket, ticket) ? 'local user' : undefined;
  if (!basic) return undefined;
  // Both are compared, so that the time does not tell which one was wrong.
  const isRight = [isToken(given.user, basic.user), isToken(given.password, basic.password)];
  return isRight.every(Boolean) ? basic.user : undefined;
}

/** Who sends credentials with each request, as scripts do, and browsers with a Bridge of 0.6.2. */
export function userIn(headers: IncomingHttpHeaders, access: Access): string | undefined {
  const { authorization = '' } = headers;
  if (access.basic && /^basic /i.test(authorization)) {
    const [user = '', ...rest] = Buffer.from(authorization.slice(6), 'base64').toString('utf8').split(':');
    return userOf({ user, password: rest.join(':') }, access);
  }
  const token = tokenIn(headers);
  return token === undefined ? undefined : userOf({ token }, access);
}
