/** The certificate of https: the user's own, or a self-signed one that is made once and kept, as 0.6.2's installation did. */
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import type { Certificate } from '../../lib/http/server.ts';

const YEARS = 5;
const RENEW_MS = 30 * 24 * 3_600_000;
const NAME = 'api-tls';

/** From PEM files. */
export async function readCertificate(certFile: string, keyFile: string): Promise<Certificate> {
  return { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
}

/** In `folder`, the key for its owner alone; made anew when it is about to end. */
export async function selfSignedIn(folder: string): Promise<Certificate> {
  const [certFile, keyFile] = [join(folder, `${NAME}.crt`), join(folder, `${NAME}.key`)];
  const known = await readCertificate(certFile, keyFile).catch(() => undefined);
  if (known && !endsSoon(known.cert)) return known;
  const fresh = await selfSigned();
  await mkdir(folder, { recursive: true });
  await writeFile(keyFile, fresh.key, { mode: 0o600 });
  await chmod(keyFile, 0o600);
  await writeFile(certFile, fresh.cert);
  return fresh;
}

async function selfSigned(): Promise<Certificate> {
  const notAfterDate = new Date();
  notAfterDate.setFullYear(notAfterDate.getFullYear() + YEARS);
  const names = ['localhost', 'api.keptn', hostname()].map((value) => ({ type: 2 as const, value }));
  const addresses = ['127.0.0.1', '::1'].map((ip) => ({ type: 7 as const, ip }));
  const pems = await generate([{ name: 'commonName', value: 'api.keptn' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate,
    extensions: [{ name: 'subjectAltName', altNames: [...names, ...addresses] }],
  });
  return { key: pems.private, cert: pems.cert };
}

function endsSoon(cert: string): boolean {
  return Date.parse(new X509Certificate(cert).validTo) - Date.now() < RENEW_MS;
}
