/**
 * Helm charts: uploaded as `helm/<name>.tgz`, kept in Git as the files of the folder `helm/<name>/`, and packed again
 * when the archive is read. An archive comes from outside: its entries must stay in their folder, and it is bounded.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import { KeptnError, messageOf } from '../errors/classes.ts';
import { FieldError } from '../http/validate.ts';
import { resourceUri } from '../model/names.ts';

const MAX_ENTRIES = 1000;
const MAX_BYTES = 8 * 1024 * 1024;
const EXTENSION = '.tgz';

const unzip = promisify(gunzip);
const zip = promisify(gzip);

export interface ChartFile {
  /** Below the chart's folder. */
  path: string;
  content: Uint8Array;
}

/** The folder that an archive's URI stands for; undefined when the URI is no chart's. */
export function chartFolder(uri: string): string | undefined {
  return /(^|\/)helm\/[^/]+\.tgz$/.test(uri) ? uri.slice(0, -EXTENSION.length) : undefined;
}

/** The files of an archive with one top folder, whose name does not count. `field` is named in refusals. */
export async function unpackChart(archive: Uint8Array, field: string): Promise<ChartFile[]> {
  const refuse = (why: string): FieldError => new FieldError(605, `${field} in body is no Helm chart: ${why}`);
  try {
    const tar = await unzip(archive, { maxOutputLength: MAX_BYTES });
    const stream = extract();
    stream.end(tar);
    const files = new Map<string, Uint8Array>();
    const tops = new Set<string>();
    let entries = 0;
    for await (const entry of stream) {
      const { name, type } = entry.header;
      if (++entries > MAX_ENTRIES) throw refuse(`more than ${MAX_ENTRIES} entries`);
      const path = name.replace(/^\.\//, '').replace(/\/$/, '');
      if (path === '' || path === '.') {
        entry.resume();
        continue;
      }
      if (type !== 'file' && type !== 'contiguous-file' && type !== 'directory') {
        throw refuse(`${show(name)} is a ${type ?? 'special file'}, only files and folders are allowed`);
      }
      if (!resourceUri.safeParse(path).success) throw refuse(`${show(name)} is no path inside the chart`);
      const [top = '', ...rest] = path.split('/');
      tops.add(top);
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(Buffer.from(chunk as Uint8Array));
      if (type === 'directory') continue;
      if (rest.length === 0) throw refuse(`${show(name)} is not inside a folder`);
      files.set(rest.join('/'), Buffer.concat(chunks));
    }
    if (tops.size !== 1) throw refuse(`it has ${tops.size} entries at its top, and must have one folder`);
    if (files.size === 0) throw refuse('it has no files');
    return [...files].map(([path, content]) => ({ path, content }));
  } catch (error) {
    if (error instanceof KeptnError) throw error;
    const bomb = error instanceof RangeError;
    throw refuse(bomb ? `it has more than ${MAX_BYTES} bytes when unpacked` : messageOf(error));
  }
}

/** The same files give the same bytes. */
export async function packChart(name: string, files: readonly ChartFile[]): Promise<Uint8Array> {
  const stream = pack();
  const chunks: Uint8Array[] = [];
  const done = (async () => {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) chunks.push(chunk);
  })();
  for (const { path, content } of files) {
    stream.entry({ name: `${name}/${path}`, mode: 0o644, mtime: new Date(0) }, Buffer.from(content));
  }
  stream.finalize();
  await done;
  // Charts are small, and packed at every step of a delivery.
  return zip(Buffer.concat(chunks), { level: 1 });
}

const show = (name: string): string => JSON.stringify(name.slice(0, 80));
