/** Builds one part with Go into the cache: whole or not at all, by one process at a time, with one line of progress. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { requireGo } from './go.ts';
import { lock } from './lock.ts';
import type { GoModule, Part } from './parts.ts';

const run = promisify(execFile);

export const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'keptn-operator');

export const folderOf = (part: Part): string => join(cache, 'parts', `${part.name}-${part.version}`);
export const programOf = (part: Part): string => join(folderOf(part), part.name);

async function go(args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<string> {
  try {
    const all = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOWORK: 'off', ...env };
    return (await run('go', [...args], { cwd, env: all, maxBuffer: 1 << 28 })).stdout;
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
    throw new Error(`go ${args.slice(0, 3).join(' ')} failed:\n${output}`, { cause: error });
  }
}

/** The programs of a module that has `replace` lines cannot be installed by path: they are built from a module of ours. */
async function prepareModule(module: GoModule, packages: readonly string[], cwd: string): Promise<void> {
  const [path = '', version = ''] = module.path.split('@');
  const lines = ['module parts', 'go 1.25.0', `require ${path} ${version}`];
  if (module.staging) {
    const download = JSON.parse(await go(['mod', 'download', '-json', module.path], cwd)) as { GoMod: string };
    const names = new Set((await readFile(download.GoMod, 'utf8')).match(/k8s\.io\/[a-z0-9-]+(?= v0\.0\.0)/g));
    for (const name of names) lines.push(`replace ${name} v0.0.0 => ${name} ${module.staging}`);
  }
  await writeFile(join(cwd, 'go.mod'), `${lines.join('\n')}\n`);
  const imports = packages.map((name) => `import _ "${name}"`).join('\n');
  await writeFile(join(cwd, 'tools.go'), `//go:build tools\n\npackage parts\n\n${imports}\n`);
  await go(['mod', 'tidy'], cwd, module.env);
  if (module.vendored) {
    await go(['mod', 'vendor'], cwd, module.env);
    await writeFile(join(cwd, 'vendor', module.vendored.file), module.vendored.content);
  }
}

/** Copies the files that a part needs from its module. */
async function copyFiles(part: Part, to: string): Promise<void> {
  if (!part.files) return;
  const download = JSON.parse(await go(['mod', 'download', '-json', part.module.path], to)) as { Dir: string };
  for (const file of part.files) await copyFile(join(download.Dir, file), join(to, basename(file)));
}

/** Builds the part unless another process has done so meanwhile. */
export async function build(part: Part, siblings: readonly Part[], exists: () => boolean): Promise<void> {
  await requireGo(part);
  await mkdir(join(cache, 'parts'), { recursive: true });
  const label = `${part.name} ${part.version}`;
  const unlock = await lock(join(cache, 'locks', part.module.name), () => {
    process.stderr.write(`${label}: another process builds ${part.module.name}; waiting …\n`);
  });
  try {
    if (exists()) return;
    const began = Date.now();
    process.stderr.write(`${label}: building, about ${part.seconds} s on 2 cores, once …\n`);
    const prefix = `build-${part.module.name}-`;
    // What a build that was killed has left: nobody works in it, for the lock is ours.
    for (const name of await readdir(cache))
      if (name.startsWith(prefix)) await rm(join(cache, name), { recursive: true, force: true });
    const work = await mkdtemp(join(cache, prefix));
    try {
      await prepareModule(
        part.module,
        siblings.map((sibling) => sibling.package),
        work,
      );
      const { ldflags = '', tags = '', env, vendored } = part.module;
      const target = join(work, 'out');
      await mkdir(target);
      await go(
        [
          'build',
          '-trimpath',
          '-buildvcs=false',
          '-ldflags',
          `-s -w ${ldflags}`,
          '-tags',
          tags,
          '-o',
          join(target, part.name),
          part.package,
        ],
        work,
        { ...env, ...(vendored && { GOFLAGS: '-mod=vendor' }) },
      );
      await copyFiles(part, target);
      await rename(target, folderOf(part));
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    process.stderr.write(`${label}: built in ${Math.round((Date.now() - began) / 1000)} s\n`);
  } finally {
    unlock();
  }
}
