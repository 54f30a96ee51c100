/** Keeps address and token for the commands after this one, when they are right. */
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { Client, unknownCertificate, type Trace } from './client.ts';
import { saveCredentials } from './credentials.ts';
import { warnOfVersion } from './session.ts';

export async function authenticate(given: { endpoint: string; token: string }, trace: Trace): Promise<void> {
  const { endpoint } = given;
  const { output } = trace;
  const certificate = await unknownCertificate(endpoint);
  const credentials = { ...given, ...(certificate && { certificate }) };
  const client = new Client(credentials, trace);
  await client.call('POST', '/v1/auth', z.unknown());
  const path = await saveCredentials(credentials);
  if (certificate) {
    const { fingerprint256 } = new X509Certificate(certificate);
    output.line(
      'WARN',
      `no authority vouches for its certificate; from now on only this one is taken: ${fingerprint256}`,
    );
  }
  output.line('INFO', `Successfully authenticated at ${endpoint}; kept in ${path}`);
  await warnOfVersion(client, output);
}
