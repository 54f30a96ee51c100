/** Slows down who guesses: counts wrong tries of an address; right ones are not counted. */
import type { Request, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import { Terminal } from '../errors/classes.ts';

/** Counts one; rejects with `Terminal` (TooManyRequests) behind `limit` in a minute. `what`: such as `wrong tokens`. */
export function wrongTries(limit: number, what: string): (request: Request, response: Response) => Promise<void> {
  const count = rateLimit({
    windowMs: 60_000,
    limit,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: (_request, _response, next) => {
      next(new Terminal('TooManyRequests', `too many ${what} from this address: wait a minute`));
    },
  });
  return (request, response) =>
    new Promise((resolve, reject) => {
      const next = (error?: unknown): void => (error instanceof Error ? reject(error) : resolve());
      void count(request, response, next);
    });
}
