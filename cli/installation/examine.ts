/** An installation as it is: for `keptn status` its components, for `keptn doctor` all that may be wrong with it. */
import { messageOf } from '../../lib/errors/classes.ts';
import { openCluster, type Cluster } from '../cluster.ts';
import type { Finding } from '../findings.ts';
import type { ClusterFlags } from '../session.ts';
import { adviceFor } from './advice.ts';
import { check } from './checks.ts';
import { componentsIn, readyOf, type ComponentState } from './components.ts';
import { desiredOf } from './desired.ts';
import { planFor } from './plan.ts';

export interface InstallationState {
  context: string;
  namespace: string;
  version: string | undefined;
  domain: string | undefined;
  url: string | undefined;
  ready: boolean;
  message: string;
  components: ComponentState[];
}

/** Undefined where the namespace has none. */
export async function installationState(cluster: Cluster): Promise<InstallationState | undefined> {
  const found = await cluster.keptn.read();
  if (!found) return undefined;
  const { keptn } = found;
  const ready = readyOf(keptn);
  const { version, domain, url } = keptn.status ?? {};
  return {
    ...{ context: cluster.context, namespace: cluster.namespace, version, domain, url },
    ready: ready?.status === 'True',
    message: ready?.message ?? 'the operator has not looked at it yet',
    components: componentsIn(keptn),
  };
}

/** The checks of `keptn install`, and what is not ready. */
export async function examineCluster(flags: ClusterFlags): Promise<Finding[]> {
  try {
    const cluster = await openCluster(flags);
    const findings = await check(cluster, await planFor(cluster, await desiredOf({ namespace: flags.namespace })));
    return [...findings, ...(await componentFindings(cluster))];
  } catch (error) {
    return [{ check: 'cluster', state: 'wrong', said: messageOf(error) }];
  }
}

async function componentFindings(cluster: Cluster): Promise<Finding[]> {
  const state = await installationState(cluster);
  if (!state) return [];
  const { components, ready, message } = state;
  const late = components.filter((component) => !component.ready);
  if (ready) return [{ check: 'components', state: 'fine', said: `all ${components.length} are ready` }];
  if (late.length === 0) return [{ check: 'components', state: 'wrong', said: message }];
  return Promise.all(
    late.map(async ({ component, reason, message: why }): Promise<Finding> => {
      const advice = await adviceFor(cluster, component, reason);
      return { check: component, state: 'wrong', said: advice === undefined ? why : `${why}: ${advice}` };
    }),
  );
}
