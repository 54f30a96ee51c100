/** Where events go, and the name under which the bus remembers how far they have gone: both from 0.6.2's environment. */
import { createHash } from 'node:crypto';
import { Terminal } from '../../lib/errors/classes.ts';

export interface Recipient {
  /** A host name, or an address with http or https. */
  recipient: string;
  port: number;
  path: string;
}

export function urlOf({ recipient, port, path }: Recipient): URL {
  const address = /^https?:\/\//i.test(recipient) ? recipient : `http://${recipient}`;
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new Terminal('InvalidField', `PUBSUB_RECIPIENT: ${JSON.stringify(recipient)} is no host name and no address`);
  }
  if (url.port === '') url.port = String(port);
  url.pathname = path.startsWith('/') ? path : `/${path}`;
  return url;
}

/** One for each receiver and set of topics: replicas have the same, and another set of topics begins anew. */
export function durableOf(url: URL, topics: readonly string[]): string {
  const name = `${url.hostname}${url.pathname}`.replace(/[^A-Za-z0-9-]+/g, '-').replace(/^-+|-+$/g, '');
  const hash = createHash('sha256')
    .update(JSON.stringify([url.href, [...topics].sort()]))
    .digest('hex');
  return `${name.slice(0, 80)}-${hash.slice(0, 10)}`;
}
