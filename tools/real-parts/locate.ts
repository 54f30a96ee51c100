/** Where a part is: given by the environment, on the PATH, in the cache, or built now. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { build, programOf } from './build.ts';
import { partOf, parts, type Part, type PartName } from './parts.ts';

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function given(part: Part): string | undefined {
  const value = process.env[part.override];
  if (!value) return undefined;
  const path = part.override === 'KUBEBUILDER_ASSETS' ? join(value, part.name) : value;
  if (isProgram(path)) return path;
  // envtest's folder has no controller-manager: that one is built then.
  if (part.override === 'KUBEBUILDER_ASSETS') return undefined;
  throw new Error(`${part.override} is ${value}, which is no program`);
}

function onPath(part: Part): string | undefined {
  if (!part.fromPath) return undefined;
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, part.name))
    .find(isProgram);
}

/** The path when the part is there already. */
export function find(name: PartName): string | undefined {
  const part = partOf(name);
  return given(part) ?? onPath(part) ?? (existsSync(programOf(part)) ? programOf(part) : undefined);
}

/** The path of the program; builds it when it is nowhere. Rejects with a sentence that says what is missing. */
export async function locate(name: PartName): Promise<string> {
  const found = find(name);
  if (found) return found;
  const part = partOf(name);
  const siblings = parts.filter((other) => other.module === part.module);
  await build(part, siblings, () => existsSync(programOf(part)));
  return programOf(part);
}
