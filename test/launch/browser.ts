/** A real browser: CHROMIUM names one, else Debian's, else the one of an npm package, with its libraries. */
import { execFile } from 'node:child_process';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import packaged from '@sparticuz/chromium';
import { chromium, type Browser } from 'playwright-core';

const run = promisify(execFile);
const debian = '/usr/bin/chromium';
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

export async function startBrowser(): Promise<Browser> {
  const own = process.env['CHROMIUM'] ?? ((await exists(debian)) ? debian : undefined);
  if (own !== undefined) return chromium.launch({ executablePath: own, args });
  const libraries = await packagedLibraries();
  return chromium.launch({
    executablePath: await packaged.executablePath(),
    // In one process a page that closes may take the browser along.
    args: [...packaged.args.filter((arg) => arg !== '--single-process'), ...args],
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
  });
}

/** What the packaged browser needs beside the C library. */
async function packagedLibraries(): Promise<string> {
  const folder = join(tmpdir(), 'keptn-chromium-libraries');
  const archive = new URL('../../bin/al2023.tar.br', import.meta.resolve('@sparticuz/chromium'));
  if (!(await exists(join(folder, 'lib')))) {
    await mkdir(folder, { recursive: true });
    const tar = join(folder, 'libraries.tar');
    await writeFile(tar, await promisify(brotliDecompress)(await readFile(archive)));
    await run('tar', ['-xf', tar, '-C', folder]);
  }
  return join(folder, 'lib');
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
