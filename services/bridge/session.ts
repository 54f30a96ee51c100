/**
 * Who is logged in: a signed cookie that page scripts cannot read and other sites cannot send. It needs no memory of ours, so
 * that a restart or a second replica throws nobody out; a new API token does.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Response } from 'express';
import { jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { z } from 'zod';

const COOKIE = 'keptn-bridge';
const HOURS = 12;

const claims = z.object({ user: z.string().min(1), csrf: z.string().min(16) });
export type Session = z.output<typeof claims>;

export interface CookieOptions {
  name: string;
  path: string;
  sameSite: 'strict' | 'lax';
  seconds: number;
}

export class Sessions {
  readonly #key: Uint8Array;
  readonly #secure: boolean;

  /** `secret`: what the signing key is made of; `secure`: the Bridge is reached by https. */
  constructor(secret: string, secure: boolean) {
    this.#key = new Uint8Array(hkdfSync('sha256', secret, '', 'keptn bridge session', 32));
    this.#secure = secure;
  }

  /** Sets the cookie. */
  async begin(response: Response, user: string): Promise<Session> {
    const session = { user, csrf: randomBytes(24).toString('base64url') };
    await this.seal(response, session, { name: COOKIE, path: '/', sameSite: 'strict', seconds: HOURS * 3600 });
    return session;
  }

  async of(headers: IncomingHttpHeaders): Promise<Session | undefined> {
    return claims.safeParse(await this.open(headers, COOKIE)).data;
  }

  end(response: Response): void {
    response.clearCookie(this.#name(COOKIE), { path: '/', httpOnly: true, sameSite: 'strict', secure: this.#secure });
  }

  /** Puts signed content into a cookie. */
  async seal(response: Response, content: object, { name, path, sameSite, seconds }: CookieOptions): Promise<void> {
    const payload: JWTPayload = { ...content };
    const value = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256' })
      .setAudience(name)
      .setExpirationTime(`${seconds}s`)
      .sign(this.#key);
    const options = { path, httpOnly: true, sameSite, secure: this.#secure, maxAge: seconds * 1000 };
    response.cookie(this.#name(name, path), value, options);
  }

  /** The content of a cookie that `seal` made; undefined for one that is missing, forged or over. */
  async open(headers: IncomingHttpHeaders, name: string, path = '/'): Promise<unknown> {
    const value = cookieIn(headers, this.#name(name, path));
    if (value === undefined) return undefined;
    const checks = { algorithms: ['HS256'], requiredClaims: ['exp'], audience: name };
    return jwtVerify(value, this.#key, checks).then(
      ({ payload }) => payload,
      () => undefined,
    );
  }

  /** A browser takes a cookie of this prefix over https alone, and from no subdomain. */
  #name(name: string, path = '/'): string {
    return this.#secure && path === '/' ? `__Host-${name}` : name;
  }
}

function cookieIn({ cookie = '' }: IncomingHttpHeaders, name: string): string | undefined {
  const found = cookie
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}
