/** The author and message of a commit: first line as 0.6.2 has it, below it what caused the write, as Git trailers. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Author } from '../../lib/git/port.ts';
import { readCause } from '../../lib/http/cause.ts';

const keptn: Author = { name: 'keptn', email: 'keptn@keptn.com' };

/** Who and what is behind a write. */
export interface Origin {
  author: Author;
  /** Lines `Name: value`. */
  trailers: readonly string[];
}

export function originOf(headers: IncomingHttpHeaders): Origin {
  const { context, object, author = keptn } = readCause(headers);
  const trailers: string[] = [];
  if (context !== undefined) trailers.push(`Keptn-Context: ${context}`);
  if (object) {
    trailers.push(
      `Keptn-Cause-Object: ${object.kind} ${object.namespace}/${object.name}`,
      `Keptn-Cause-Uid: ${object.uid}`,
      `Keptn-Cause-Generation: ${object.generation}`,
    );
  }
  return { author, trailers };
}

/** What a GitStore needs to know of a commit besides its files. */
export function commitText(line: string, { author, trailers }: Origin): { author: Author; message: string } {
  return { author, message: [line, ...(trailers.length > 0 ? ['', ...trailers] : [])].join('\n') };
}
