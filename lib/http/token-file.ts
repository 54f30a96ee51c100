/** The API's token where there is no Kubernetes Secret: a file that only its owner can read, made at the first start. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode, Terminal } from '../errors/classes.ts';

/** 32 characters and more are out of reach for guessing; fewer are a mistake. */
const MIN_LENGTH = 16;

export async function tokenFromFile(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  try {
    const token = randomBytes(24).toString('base64url');
    await writeFile(path, `${token}\n`, { flag: 'wx', mode: 0o600 });
    return token;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  const token = (await readFile(path, 'utf8')).trim();
  if (token.length < MIN_LENGTH) {
    throw new Terminal(
      'InvalidField',
      `${path}: a token has ${MIN_LENGTH} characters at least; remove the file for a new one`,
    );
  }
  // Whoever copied it may have opened it to others.
  await chmod(path, 0o600);
  return token;
}
