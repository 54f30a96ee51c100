/** `keptn configure domain`: changes the Keptn object, and shows how the installation takes it up. */
import type { Trace } from '../client.ts';
import type { Cluster } from '../cluster.ts';
import { CliError, MockEnd } from '../errors.ts';
import type { Output } from '../output.ts';
import { resolved } from './checks.ts';
import { specOf } from './desired.ts';
import { followInstallation } from './follow.ts';
import { authenticateAt, nextColumns, nextSteps } from './next.ts';
import { readOperator } from './present.ts';

export interface ConfigureDomain {
  domain: string;
  isMock: boolean;
  hasAuth: boolean;
  /** Undefined: nobody waits until it is in effect. */
  timeoutMs: number | undefined;
  output: Output;
  trace: Trace;
}

export async function runConfigureDomain(cluster: Cluster, asked: ConfigureDomain): Promise<void> {
  const { domain, isMock, hasAuth, timeoutMs, output, trace } = asked;
  const { namespace } = cluster;
  const [found, operator] = await Promise.all([cluster.keptn.read(), readOperator(cluster)]);
  if (!found) throw new CliError('failed', `there is no Keptn in namespace ${namespace}: keptn install makes one`);
  specOf(found.declared, { domain });
  const { state, said } = await resolved(domain);
  output.line(state === 'doubtful' ? 'WARN' : 'INFO', said);
  if (isMock) throw new MockEnd('PATCH', `Keptn ${namespace}/keptn`, { spec: { domain } });
  await cluster.keptn.change({ domain });
  if (timeoutMs === undefined) return;
  const keptn = await followInstallation(cluster, { image: operator?.image, timeoutMs }, output);
  await output.items(nextSteps(keptn), nextColumns, '');
  if (hasAuth) await authenticateAt(cluster, keptn, trace);
}
