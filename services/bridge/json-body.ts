/** The body of the few requests that bring one, small and JSON. */
import type { Request } from 'express';
import { Terminal } from '../../lib/errors/classes.ts';
import { Bodies } from '../../lib/http/bodies.ts';

const bodies = new Bodies(65_536);

export async function jsonOf(request: Request): Promise<unknown> {
  // A form of another site cannot say this without asking first.
  if (!request.is('application/json')) throw new Terminal('InvalidBody', 'the body has to be application/json');
  return bodies.use(request, async (body): Promise<unknown> => {
    try {
      return JSON.parse(body.toString('utf8'));
    } catch {
      throw new Terminal('InvalidBody', 'the body is no JSON');
    }
  });
}
