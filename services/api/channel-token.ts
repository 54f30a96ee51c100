/**
 * The token that opens the websocket of one keptn context, for a day: a JWT signed with the API's token, as 0.6.2 gives it.
 * Unlike 0.6.2's it ends, and opens no other channel.
 */
import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';

const LIFETIME = '24h';
const claims = z.object({ keptnContext: z.string().min(1) });
const keyOf = (secret: string): Uint8Array => new TextEncoder().encode(secret);

export function channelToken(keptnContext: string, secret: string): Promise<string> {
  return new SignJWT({ keptnContext })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setExpirationTime(LIFETIME)
    .sign(keyOf(secret));
}

/** The keptn context that the token opens; undefined for one that is forged, has ended, or is none. */
export async function contextIn(token: string, secret: string): Promise<string | undefined> {
  try {
    const { payload } = await jwtVerify(token, keyOf(secret), { algorithms: ['HS256'], requiredClaims: ['exp'] });
    return claims.parse(payload).keptnContext;
  } catch {
    return undefined;
  }
}
