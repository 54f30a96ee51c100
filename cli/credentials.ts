/** Where Keptn is, and the token: in a file that only its owner can read, or in the environment. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CliError } from './errors.ts';

const schema = z.object({
  endpoint: z.url(),
  token: z.string().min(1),
  /** The certificate that was there at `keptn auth`, PEM, when no authority vouches for it. */
  certificate: z.string().optional(),
});
export type Credentials = z.infer<typeof schema>;

const pathOf = (): string => process.env['KEPTN_CREDENTIALS'] ?? join(homedir(), '.keptn', 'credentials.json');

export async function loadCredentials(): Promise<Credentials> {
  const { KEPTN_ENDPOINT: endpoint, KEPTN_API_TOKEN: token } = process.env;
  if (endpoint && token) return { endpoint, token };
  try {
    return schema.parse(JSON.parse(await readFile(pathOf(), 'utf8')));
  } catch (error) {
    throw new CliError(
      'unauthorized',
      'not authenticated: keptn auth --endpoint=<address> --api-token=<token>, or set KEPTN_ENDPOINT and KEPTN_API_TOKEN',
      { cause: error },
    );
  }
}

export async function saveCredentials(credentials: Credentials): Promise<string> {
  const path = pathOf();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, `${JSON.stringify(credentials, undefined, 2)}\n`, { mode: 0o600 });
  await chmod(`${path}.new`, 0o600);
  await rename(`${path}.new`, path);
  return path;
}
