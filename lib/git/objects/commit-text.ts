/** Git's commit objects as text. */
import type { Author } from '../port.ts';
import { encodeObject, type EncodedObject } from './object-encoding.ts';

export interface CommitText {
  tree: string;
  parents: readonly string[];
  author: Author;
  /** Seconds since 1970. */
  time: number;
  message: string;
}

export const isCommitId = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

export function encodeCommit({ tree, parents, author, time, message }: CommitText): EncodedObject {
  // Git ends a line or a name there; the boundary has refused them, and here nothing may break the object.
  const plain = (text: string): string => text.replace(/[<>\n\0]/g, ' ').trim() || 'unknown';
  const who = `${plain(author.name)} <${plain(author.email)}> ${time} +0000`;
  const lines = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`), `author ${who}`, `committer ${who}`];
  const text = message.replaceAll('\0', ' ');
  return encodeObject('commit', Buffer.from(`${lines.join('\n')}\n\n${text.endsWith('\n') ? text : `${text}\n`}`));
}

export function decodeCommit(content: Buffer): CommitText {
  const text = content.toString('utf8');
  const end = text.indexOf('\n\n');
  const headers = text.slice(0, end < 0 ? undefined : end).split('\n');
  const values = (name: string): string[] =>
    headers.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const [tree] = values('tree');
  const who = /^(.*) ?<(.*)> (\d+)/.exec(values('author')[0] ?? '');
  if (tree === undefined || !who) throw new Error('damaged commit object');
  return {
    tree,
    parents: values('parent'),
    author: { name: (who[1] ?? '').trim(), email: who[2] ?? '' },
    time: Number(who[3]),
    message: end < 0 ? '' : text.slice(end + 2),
  };
}
