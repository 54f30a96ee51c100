/**
 * The repositories' folders in the data folder. A repository comes and goes by one rename, so that a crash leaves it
 * whole or not at all; what a crash leaves beside them has a name that begins with `.tmp-`, and is removed at start.
 */
import { randomUUID } from 'node:crypto';
import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, Terminal } from '../../errors/classes.ts';
import { dnsLabel, MAIN_BRANCH } from '../../model/names.ts';
import { syncPath, syncTree } from './durable-files.ts';

const SUFFIX = '.git';
const CONFIG = '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n';

export class Folders {
  readonly #folder: string;
  readonly #durable: boolean;

  constructor(folder: string, durable: boolean) {
    this.#folder = folder;
    this.#durable = durable;
  }

  async open(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name.startsWith('.tmp-')) await rm(join(this.#folder, name), { recursive: true, force: true });
    }
  }

  /** Throws Terminal when a name could lead out of the data folder. */
  path(repository: string): string {
    const checked = dnsLabel.safeParse(repository);
    if (!checked.success) {
      throw new Terminal('InvalidField', `repository ${JSON.stringify(repository.slice(0, 80))}: no DNS label`);
    }
    return join(this.#folder, checked.data + SUFFIX);
  }

  async list(): Promise<string[]> {
    const names: string[] = [];
    for (const entry of await readdir(this.#folder, { withFileTypes: true })) {
      const name = entry.name.slice(0, -SUFFIX.length);
      if (!entry.isDirectory() || !entry.name.endsWith(SUFFIX) || !dnsLabel.safeParse(name).success) continue;
      const isRepository = await access(join(this.#folder, entry.name, 'HEAD')).then(
        () => true,
        () => false,
      );
      if (isRepository) names.push(name);
    }
    return names.sort();
  }

  /** Makes an empty repository elsewhere, lets `fill` write into it and moves it to its place. */
  async create(repository: string, fill: (folder: string) => Promise<void>): Promise<void> {
    const target = this.path(repository);
    const draft = join(this.#folder, `.tmp-create-${randomUUID()}`);
    try {
      for (const folder of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags']) {
        await mkdir(join(draft, folder), { recursive: true });
      }
      await writeFile(join(draft, 'HEAD'), `ref: refs/heads/${MAIN_BRANCH}\n`);
      await writeFile(join(draft, 'config'), CONFIG);
      await fill(draft);
      if (this.#durable) await syncTree(draft);
      await rename(draft, target);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST')) throw error;
      throw new Terminal('AlreadyExists', `repository ${repository} is there already`);
    }
    await this.#syncNames();
  }

  /** Takes the repository out of the way; what is given back deletes it, which may take long. */
  async remove(repository: string): Promise<() => Promise<void>> {
    const aside = join(this.#folder, `.tmp-remove-${randomUUID()}`);
    await rename(this.path(repository), aside);
    await this.#syncNames();
    return () => rm(aside, { recursive: true, force: true });
  }

  async #syncNames(): Promise<void> {
    if (this.#durable) await syncPath(this.#folder);
  }
}
