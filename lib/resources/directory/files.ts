/** Which files of a folder may declare something, and what tells one state of a file from another. */
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { hasCode } from '../../errors/classes.ts';

/** Hidden files and folders (`.git`, `.a.yaml.swp`) and what editors put beside a file are none of ours. */
export function isIgnored(directory: string, path: string): boolean {
  return relative(directory, path)
    .split(sep)
    .some((part) => part !== '..' && /^[.#]/.test(part));
}

/** All YAML files below the folder, sorted. Links to files count, as a mounted ConfigMap has nothing else. */
export async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .filter(({ name }) => /\.ya?ml$/.test(name) && !/^kustomization\.ya?ml$/.test(name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !isIgnored(directory, path))
    .sort();
}

export interface Stamp {
  id: string;
  modified: number;
}

/** The state of a file without reading it; undefined when it is gone, or no file. */
export async function stampOf(file: string): Promise<Stamp | undefined> {
  try {
    const stats = await stat(file);
    const { mtimeMs, ctimeMs, size, ino } = stats;
    return stats.isFile() ? { id: `${mtimeMs}/${ctimeMs}/${size}/${ino}`, modified: mtimeMs } : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}
