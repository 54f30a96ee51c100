/** The door of the api: everything but the description of itself needs the token. Who guesses tokens is slowed down. */
import type { RequestHandler } from 'express';
import { Terminal } from '../../lib/errors/classes.ts';
import { isToken, tokenIn } from '../../lib/http/token.ts';
import { wrongTries } from '../../lib/http/wrong-tries.ts';

/** Wrong tokens of one address in a minute; right ones are not counted. */
const WRONG_A_MINUTE = 20;
const open = /^\/(|healthz|readyz|openapi\.json|docs(\/[\w.-]+)?)$/;

export function guard(token: string): RequestHandler {
  const countWrong = wrongTries(WRONG_A_MINUTE, 'wrong tokens');
  return (request, response, next) => {
    if (open.test(request.path)) return next();
    const given = tokenIn(request.headers);
    if (isToken(given, token)) return next();
    // 0.6.2's two sentences.
    const message = given === undefined ? 'unauthenticated for invalid credentials' : 'incorrect api key auth';
    void countWrong(request, response).then(() => next(new Terminal('Unauthorized', message)), next);
  };
}
