/**
 * Logging in with an account elsewhere: OpenID Connect, authorization code with PKCE. What belongs to one try lies in a signed
 * cookie until the provider sends the browser back.
 */
import type { Request, Response } from 'express';
import * as client from 'openid-client';
import { z } from 'zod';
import { messageOf, Terminal, Transient } from '../../lib/errors/classes.ts';
import { stream, type Route } from '../../lib/http/route.ts';
import type { Logger } from '../../lib/observe/log.ts';
import type { Sessions } from './session.ts';

export interface OidcSettings {
  issuer: string;
  clientId: string;
  clientSecret?: string | undefined;
  scope: string;
  /** Addresses (`me@example.com`), all of a domain (`@example.com`) or groups (`group:admins`); `*` for all. */
  allow: readonly string[];
  /** The provider may be reached by http, for trials. */
  insecure: boolean;
}

const PATH = '/auth/oidc';
const tryCookie = { name: 'keptn-bridge-oidc', path: PATH, sameSite: 'lax', seconds: 600 } as const;
const attempt = z.object({ verifier: z.string(), state: z.string(), nonce: z.string(), to: z.string() });
const account = z.object({
  sub: z.string(),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  name: z.string().optional(),
  groups: z.array(z.string()).optional(),
});

/** `origin`: where people reach the Bridge; asked for when it is needed, since a free port is known later. */
export function oidcRoutes(sessions: Sessions, settings: OidcSettings, origin: () => string, log: Logger): Route[] {
  const redirectUri = (): string => `${origin()}${PATH}/callback`;
  let discovered: Promise<client.Configuration> | undefined;
  /** Once, when somebody wants it: a provider that is away keeps nobody from logging in otherwise. */
  const provider = (): Promise<client.Configuration> => {
    const { issuer, clientId, clientSecret, insecure } = settings;
    const options = insecure ? { execute: [client.allowInsecureRequests] } : {};
    discovered ??= client.discovery(new URL(issuer), clientId, clientSecret, undefined, options);
    return discovered.catch((error: unknown) => {
      discovered = undefined;
      throw new Transient(`the OIDC provider does not answer: ${messageOf(error)}`, { cause: error });
    });
  };
  return [
    stream('get', PATH, async (request, response) => {
      const known = await provider();
      const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
      await sessions.seal(response, { verifier, state, nonce, to: ownPath(request.query['to']) }, tryCookie);
      const address = client.buildAuthorizationUrl(known, {
        redirect_uri: redirectUri(),
        scope: settings.scope,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...{ state, nonce },
      });
      response.redirect(303, address.href);
    }),
    stream('get', `${PATH}/callback`, async (request, response) => {
      const { data } = attempt.safeParse(await sessions.open(request.headers, tryCookie.name, PATH));
      response.clearCookie(tryCookie.name, { path: PATH });
      if (!data) return backToLogin(response, 'the login took too long, or began in another browser: try again');
      const who = await accountOf(await provider(), request, redirectUri(), data).catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, 'an OIDC login failed');
        return undefined;
      });
      if (!who) return backToLogin(response, 'the provider did not confirm the login: try again');
      if (!isAllowed(who, settings.allow)) {
        log.warn({ sub: who.sub }, 'an OIDC login is not allowed');
        return backToLogin(response, 'this account may not use the Bridge: ask who runs it');
      }
      await sessions.begin(response, who.email ?? who.name ?? who.sub);
      // By a page of ours, since a cookie that is strict is not sent along with a redirect from elsewhere.
      response.type('html').send(goingTo(data.to));
    }),
  ];
}

async function accountOf(
  provider: client.Configuration,
  request: Request,
  redirectUri: string,
  { verifier, state, nonce }: z.output<typeof attempt>,
): Promise<z.output<typeof account>> {
  const address = new URL(redirectUri);
  address.search = new URL(request.originalUrl, redirectUri).search;
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  const tokens = await client.authorizationCodeGrant(provider, address, checks);
  const claims = tokens.claims();
  if (!claims) throw new Terminal('Unauthorized', 'the provider gave no id token');
  return account.parse(claims);
}

/** An address counts where the provider has verified it, or says nothing of that. */
function isAllowed(
  { email, email_verified: isVerified, groups = [] }: z.output<typeof account>,
  allow: readonly string[],
) {
  const address = isVerified === false ? undefined : email?.toLowerCase();
  return allow.some((one) => {
    if (one === '*') return true;
    if (one.startsWith('group:')) return groups.includes(one.slice('group:'.length));
    return one.startsWith('@') ? address?.endsWith(one.toLowerCase()) : address === one.toLowerCase();
  });
}

function backToLogin(response: Response, reason: string): void {
  response.redirect(303, `/?refused=${encodeURIComponent(reason)}`);
}

/** A path of the page; never another site. */
function ownPath(given: unknown): string {
  return typeof given === 'string' && /^\/(?![/\\])[\w\-./?=&%:]*$/.test(given) ? given : '/';
}

const goingTo = (path: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0;url=${path.replaceAll('&', '&amp;')}">
<title>Keptn Bridge</title>
</head>
<body></body>
</html>
`;
