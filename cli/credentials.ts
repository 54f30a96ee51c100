/** Where Keptn is, and the token: in the keyring of the system where there is one, else in a file that only its owner can read. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { hasCode } from '../lib/errors/classes.ts';
import { CliError } from './errors.ts';
import { homeFolder } from './home.ts';
import { keyringOf } from './keyring.ts';

export interface Credentials {
  endpoint: string;
  token: string;
  /** The certificate that was there at `keptn auth`, PEM, when no authority vouches for it. */
  certificate?: string | undefined;
}

const fileSchema = z.object({
  endpoint: z.url(),
  /** Absent when the keyring has it. */
  token: z.string().min(1).optional(),
  certificate: z.string().optional(),
});

export const credentialsPath = (): string => process.env['KEPTN_CREDENTIALS'] ?? join(homeFolder(), 'credentials.json');

export async function loadCredentials(): Promise<Credentials> {
  const { KEPTN_ENDPOINT: endpoint, KEPTN_API_TOKEN: token } = process.env;
  if (endpoint && token) return { endpoint, token };
  const path = credentialsPath();
  const kept = await readKept(path);
  const known = kept?.token ?? (kept && (await keyringOf(kept.endpoint))?.read());
  if (kept && known !== undefined) return { ...kept, token: known };
  const why = kept ? `the keyring has no token for ${kept.endpoint} any more` : 'not authenticated';
  throw new CliError(
    'unauthorized',
    `${why}: keptn auth --endpoint=<address> --api-token=<token>, or set KEPTN_ENDPOINT and KEPTN_API_TOKEN`,
  );
}

async function readKept(path: string) {
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw new CliError('unauthorized', `${path} cannot be read: keptn auth writes it anew`, { cause: error });
  }
}

/** Says where the token is kept. A file that KEPTN_CREDENTIALS names keeps it itself. */
export async function saveCredentials({ token, ...rest }: Credentials): Promise<string> {
  const path = credentialsPath();
  const keyring = process.env['KEPTN_CREDENTIALS'] === undefined ? await keyringOf(rest.endpoint) : undefined;
  const isInKeyring = keyring?.write(token) ?? false;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const kept = isInKeyring ? rest : { ...rest, token };
  await writeFile(`${path}.new`, `${JSON.stringify(kept, undefined, 2)}\n`, { mode: 0o600 });
  await chmod(`${path}.new`, 0o600);
  await rename(`${path}.new`, path);
  return isInKeyring ? 'the keyring' : path;
}
