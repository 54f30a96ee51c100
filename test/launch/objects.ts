/** Objects that are made by functions, applied as a person would. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';
import type { ApiServer } from './api-server.ts';

export async function applyObjects(
  { kubectl }: Pick<ApiServer, 'kubectl'>,
  objects: readonly object[],
  ...args: string[]
): Promise<void> {
  const file = join(await temporaryFolder('objects'), 'objects.json');
  // The client's own name for a field that is a word of some languages.
  await writeFile(
    file,
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }).replaceAll('"_from":', '"from":'),
  );
  await kubectl('apply', '--server-side', '-f', file, ...args);
}
