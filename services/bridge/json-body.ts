/** The body of the few requests that bring one, small and JSON. */
import type { Request } from 'express';
import { Terminal } from '../../lib/errors/classes.ts';

const MAX_CHARACTERS = 65_536;

export async function jsonOf(request: Request): Promise<unknown> {
  // A form of another site cannot say this without asking first.
  if (!request.is('application/json')) throw new Terminal('InvalidBody', 'the body has to be application/json');
  let text = '';
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_CHARACTERS) {
      throw new Terminal('TooLarge', `the body is too large: ${MAX_CHARACTERS} characters are allowed`);
    }
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Terminal('InvalidBody', 'the body is no JSON');
  }
}
