/** Whether there is a cluster to look at, told without the client for it, which takes its time to load. */
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { ClusterFlags } from './session.ts';

export async function hasKubeconfig({ kubeconfig = process.env['KUBECONFIG'] }: ClusterFlags): Promise<boolean> {
  const files = kubeconfig?.split(delimiter) ?? [join(homedir(), '.kube', 'config')];
  const found = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
