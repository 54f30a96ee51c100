/** The door of the api: everything but the description of itself needs the token. Who guesses tokens is slowed down. */
import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { Terminal } from '../../lib/errors/classes.ts';
import { isToken, tokenIn } from '../../lib/http/token.ts';

/** Wrong tokens of one address in a minute; right ones are not counted. */
const WRONG_A_MINUTE = 20;
const open = /^\/(|healthz|readyz|openapi\.json|docs(\/[\w.-]+)?)$/;

export function guard(token: string): RequestHandler {
  const slowDown = rateLimit({
    windowMs: 60_000,
    limit: WRONG_A_MINUTE,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: (_request, _response, next) => {
      next(new Terminal('TooManyRequests', 'too many wrong tokens from this address: wait a minute'));
    },
  });
  return (request, response, next) => {
    if (open.test(request.path)) return next();
    const given = tokenIn(request.headers);
    if (isToken(given, token)) return next();
    // 0.6.2's two sentences.
    const message = given === undefined ? 'unauthenticated for invalid credentials' : 'incorrect api key auth';
    const refuse = (error?: unknown): void => next(error ?? new Terminal('Unauthorized', message));
    void slowDown(request, response, refuse);
  };
}
