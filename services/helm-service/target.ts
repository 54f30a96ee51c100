/** What a change is about: a service in a stage, and the two releases that it has there. */
import type { Configuration, Place } from '../../lib/configuration/client.ts';
import type { History } from '../../lib/history/client.ts';
import type { Cause } from '../../lib/http/cause.ts';
import type { Chart, Strategy } from './charts/chart.ts';
import type { RouteSettings } from './charts/routes.ts';
import type { Deployer, Release } from './deployer/port.ts';

export interface HelmParts {
  configuration: Configuration;
  history: History;
  deployer: Deployer;
  routes: Omit<RouteSettings, 'mesh'>;
  /** Helm programs at once. */
  parallel: number;
}

/** A service in a stage. */
export interface Slot {
  project: string;
  stage: string;
  service: string;
}

export interface Target extends Slot {
  strategy: Strategy;
  cause: Cause;
}

/** Two changes of one service in one stage must not meet. */
export const keyOf = ({ project, stage, service }: Slot): string => `${project}/${stage}/${service}`;

export const placeOf = ({ project, stage, service }: Target): Required<Place> => ({ project, stage, service });

export const namespaceOf = ({ project, stage }: Pick<Target, 'project' | 'stage'>): string => `${project}-${stage}`;

const roleOf = ({ strategy }: Target): 'direct' | 'canary' => (strategy === 'direct' ? 'direct' : 'canary');

/** The release of the service's own chart: the canary, where there is a primary. */
export function ownRelease(target: Target, chart: Chart, replicas?: number): Release {
  return release(target, chart, '', roleOf(target), replicas);
}

/** The release of the generated chart. */
export function generatedRelease(target: Target, chart: Chart): Release {
  return release(target, chart, '-generated', target.strategy === 'direct' ? 'direct' : 'primary');
}

function release(target: Target, chart: Chart, suffix: string, role: string, replicas?: number): Release {
  const { project, stage, service } = target;
  return {
    name: `${project}-${stage}-${service}${suffix}`,
    namespace: namespaceOf(target),
    chart,
    values: {
      'keptn.project': project,
      'keptn.stage': stage,
      'keptn.service': service,
      'keptn.deployment': role,
      ...(replicas !== undefined && { replicaCount: replicas }),
    },
  };
}
