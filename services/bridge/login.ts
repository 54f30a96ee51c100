/** Logging in and out: `/auth/session` says who one is and which ways there are, `/auth/login` takes credentials. */
import { z } from 'zod';
import { Terminal } from '../../lib/errors/classes.ts';
import { answer, route, stream, type Route } from '../../lib/http/route.ts';
import { validate } from '../../lib/http/validate.ts';
import { wrongTries } from '../../lib/http/wrong-tries.ts';
import { checkOrigin } from './guard.ts';
import { credentials, userOf, type Access } from './identity.ts';
import { jsonOf } from './json-body.ts';
import type { Sessions } from './session.ts';

/** Wrong tries of one address in a minute. */
const WRONG_A_MINUTE = 10;

export interface LoginSettings {
  access: Access;
  /** What the button of the OIDC login says; undefined where there is none. */
  oidc: string | undefined;
  /** Where people reach the Bridge, when a proxy is before it. */
  origin: string | undefined;
}

const sessionAnswer = z.strictObject({
  user: z.string().nullable(),
  csrf: z.string().optional(),
  ways: z.strictObject({ token: z.boolean(), password: z.boolean(), oidc: z.string().optional() }),
});

export function loginRoutes(sessions: Sessions, { access, oidc, origin }: LoginSettings): Route[] {
  const countWrong = wrongTries(WRONG_A_MINUTE, 'wrong tries');
  const ways = { token: access.tokenLogin, password: access.basic !== undefined, ...(oidc !== undefined && { oidc }) };
  return [
    route({
      method: 'get',
      path: '/auth/session',
      tag: 'Access',
      summary: 'Tells who is logged in, and how one can',
      answers: { 200: sessionAnswer },
      async handle({ headers }) {
        const session = await sessions.of(headers);
        const noStore = { 'cache-control': 'no-store' };
        return answer(200, {
          headers: noStore,
          body: { user: session?.user ?? null, ...(session && { csrf: session.csrf }), ways },
        });
      },
    }),
    stream('post', '/auth/login', async (request, response) => {
      checkOrigin(request, origin);
      const given = validate(credentials, await jsonOf(request), 'body');
      const user = userOf(given, access);
      if (user === undefined) {
        await countWrong(request, response);
        throw new Terminal('Unauthorized', refusals['token' in given ? 'token' : 'user' in given ? 'user' : 'ticket']);
      }
      const { csrf } = await sessions.begin(response, user);
      response.json({ user, csrf, ways });
    }),
    stream('post', '/auth/logout', (request, response) => {
      checkOrigin(request, origin);
      sessions.end(response);
      response.status(204).end();
    }),
  ];
}

const refusals = {
  token: 'this is not the API token',
  user: 'user or password is wrong',
  ticket: 'the link is of another start: take the one that was printed last',
};
