/** How large an event may be: the same for all who take, carry and keep it, so that what is taken is kept. */
import { Terminal } from '../errors/classes.ts';

/** Of its JSON. NATS is installed to take more, for the headers; 0.6.2's takes half as much. */
export const MAX_EVENT_BYTES = 2 * 1024 * 1024;

export function refuseTooLarge(bytes: number): void {
  if (bytes <= MAX_EVENT_BYTES) return;
  throw new Terminal('TooLarge', `the event has ${bytes} bytes, ${MAX_EVENT_BYTES} are allowed`);
}
