/** `keptn install` from its checks to what comes next. */
import { versionOf } from '../../lib/installation/installation.ts';
import { requireYes, isAtTerminal } from '../ask.ts';
import type { Trace } from '../client.ts';
import { openCluster } from '../cluster.ts';
import { findingColumns, requireNoneWrong } from '../findings.ts';
import type { Output } from '../output.ts';
import type { ClusterFlags } from '../session.ts';
import { check } from './checks.ts';
import type { Desired } from './desired.ts';
import { followInstallation } from './follow.ts';
import { install } from './install.ts';
import { authenticateAt, nextColumns, nextSteps } from './next.ts';
import { planFor } from './plan.ts';

export interface InstallRun {
  flags: ClusterFlags & { yes?: boolean; auth?: boolean };
  desired: Desired;
  /** A table of its own each. */
  output: () => Output;
  trace: Trace;
  /** Undefined: nobody waits until it is ready. */
  timeoutMs: number | undefined;
}

export async function runInstall({ flags, desired, output, trace, timeoutMs }: InstallRun): Promise<void> {
  const cluster = await openCluster(flags);
  const plan = await planFor(cluster, desired);
  const checks = await check(cluster, plan);
  const progress = output();
  const isTable = progress.format === 'table' || progress.format === 'wide';
  const isWrong = checks.some(({ state }) => state === 'wrong');
  if (isTable) await output().items(checks, findingColumns, '');
  else if (isWrong) await progress.value({ checks });
  requireNoneWrong(checks);
  const { namespace, context } = cluster;
  const version = versionOf(plan.image);
  if (isAtTerminal()) {
    await requireYes(`Install Keptn ${version} in namespace ${namespace} of ${context}?`, flags.yes ?? false);
  }
  const outcome = await install(cluster, plan, progress);
  progress.line('INFO', `Keptn ${version} in namespace ${namespace} of ${context}: ${outcome}`);
  if (timeoutMs === undefined) {
    if (!isTable) await progress.value({ outcome, namespace, version, checks });
    return;
  }
  const keptn = await followInstallation(cluster, { image: plan.image, timeoutMs }, progress);
  const { url } = keptn.status ?? {};
  if (isTable) await output().items(nextSteps(keptn), nextColumns, '');
  else await progress.value({ outcome, namespace, version, url, checks, next: nextSteps(keptn) });
  if (flags.auth) await authenticateAt(cluster, keptn, trace);
}
