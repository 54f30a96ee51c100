/**
 * Where an upstream may be: https, and no address that only this machine or its cloud answers. What the name resolves to
 * is checked and then given to git, so that it cannot become another address in between.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { Terminal } from '../../../lib/errors/classes.ts';
import { withDeadline } from '../../../lib/errors/deadline.ts';

const RESOLVE_MS = 5000;

const forbidden = new BlockList();
forbidden.addSubnet('169.254.0.0', 16, 'ipv4');
forbidden.addSubnet('0.0.0.0', 8, 'ipv4');
forbidden.addSubnet('fe80::', 10, 'ipv6');
forbidden.addAddress('fd00:ec2::254', 'ipv6');
forbidden.addAddress('::', 'ipv6');
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Throws Terminal, naming the field, when the text is no address that an upstream may have. */
export function checkAddress(text: string, allowInsecure: boolean): URL {
  const refuse = (why: string): Terminal => new Terminal('InvalidField', `gitRemoteURI in body ${why}`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // What URL tolerates, git would get as it is.
  if (!url || /[\s\x00-\x1f\\]/.test(text)) throw refuse('is no URL');
  if (url.username !== '' || url.password !== '')
    throw refuse('must not have a user or token: they have fields of their own');
  if (url.protocol !== 'https:' && !(allowInsecure && url.protocol === 'http:'))
    throw refuse('must begin with https://');
  if (url.search !== '' || url.hash !== '') throw refuse('must not have a query or fragment');
  return url;
}

/** `host:port:address` as curl takes it; undefined for a host that is an address. */
export async function resolveAddress(url: URL, allowInsecure: boolean): Promise<string | undefined> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const found = isIP(host)
    ? [{ address: host, family: isIP(host) }]
    : await withDeadline(RESOLVE_MS, () => lookup(host, { all: true })).catch((error: unknown) => {
        throw new Terminal('UpstreamAway', `the name ${host} cannot be resolved`, { cause: error });
      });
  for (const { address, family } of found) {
    const type = family === 6 ? 'ipv6' : 'ipv4';
    if (forbidden.check(address, type) || (!allowInsecure && loopback.check(address, type))) {
      throw new Terminal('InvalidField', `gitRemoteURI in body leads to ${address}, where no upstream may be`);
    }
  }
  if (isIP(host)) return undefined;
  const port = url.port || (url.protocol === 'http:' ? '80' : '443');
  return `${host}:${port}:${found.map(({ address, family }) => (family === 6 ? `[${address}]` : address)).join()}`;
}
