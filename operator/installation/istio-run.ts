/** One run of helm for Istio, beside the reconciliations: a release after the other, each until it is ready. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../lib/errors/classes.ts';
import { HelmError, HelmProgram, inNamespace, isInChange } from '../../lib/helm/program.ts';
import { ISTIO_NAMESPACE, istioReleaseNames, type IstioRelease } from '../../lib/installation/istio.ts';
import { DESIRED, type InstallerAccess, type ReleaseState } from './istio-cluster.ts';

export interface IstioRunSettings {
  /** The helm program. */
  helm: string;
  /** Seconds until a release has to be ready. */
  timeoutSeconds: number;
}

export interface IstioRunParts extends IstioRunSettings {
  access: InstallerAccess;
  /** As they are. */
  releases: ReadonlyMap<string, ReleaseState>;
  /** What it is at, for people. */
  progress: (line: string) => void;
  signal: AbortSignal;
}

/** Rejects with HelmError when helm fails; what it had changed is rolled back then. */
export async function installIstio(wanted: readonly IstioRelease[], parts: IstioRunParts): Promise<void> {
  await withHelm(parts, async (helm, folder) => {
    for (const release of wanted) {
      const { name, namespace } = release;
      const before = parts.releases.get(name);
      parts.progress(`${name} is being ${before ? 'upgraded' : 'installed'}`);
      if (isInChange(before?.status)) await helm.recover({ name, namespace });
      const values = join(folder, `${name}.json`);
      await writeFile(values, JSON.stringify(release.values));
      parts.signal.throwIfAborted();
      const args = ['upgrade', '--install', name, ...release.chart, ...inNamespace(release), '--create-namespace'];
      const until = ['--wait', '--atomic', '--timeout', `${parts.timeoutSeconds}s`];
      const noted = ['--labels', `${DESIRED}=${release.digest}`, '--history-max', '5', '--values', values];
      try {
        await helm.run([...args, ...until, ...noted], parts.signal);
      } catch (error) {
        throw new HelmError(`${name}: ${reasonOf(error, release, parts)}`, { cause: error });
      }
    }
  });
}

/** What helm says itself when its time is over tells nothing. */
function reasonOf(error: unknown, { name }: IstioRelease, { timeoutSeconds }: IstioRunSettings): string {
  if (!/context deadline exceeded|timed out waiting/.test(messageOf(error))) return messageOf(error);
  const late = `it was not ready in ${timeoutSeconds} s, see its pods in ${ISTIO_NAMESPACE}`;
  if (name !== istioReleaseNames.gateway) return late;
  return `${late}; where nothing gives an address to a Service of type LoadBalancer, set spec.istio.values.gateway.service.type to NodePort`;
}

/** In the order that is given; rejects with HelmError. Istio's kinds stay, with all that people have made of them. */
export async function removeIstio(names: readonly string[], parts: IstioRunParts): Promise<void> {
  await withHelm(parts, async (helm) => {
    for (const name of names) {
      parts.progress(`${name} is being removed`);
      parts.signal.throwIfAborted();
      const until = ['--wait', '--timeout', `${parts.timeoutSeconds}s`];
      await helm.run(
        ['uninstall', name, ...inNamespace({ namespace: ISTIO_NAMESPACE }), '--ignore-not-found', ...until],
        parts.signal,
      );
    }
  });
}

/** The token is in a file for its owner alone, while helm needs it. */
async function withHelm(
  { helm, access }: IstioRunParts,
  work: (helm: HelmProgram, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'keptn-istio-'));
  try {
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, access.kubeconfig(), { mode: 0o600 });
    await work(new HelmProgram({ program: helm, version: 'v3', kubeconfig }), folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
