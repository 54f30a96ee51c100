/** The events that helm-service sends. */
import { splitImage } from '../../lib/delivery/image.ts';
import { eventTypes } from '../../lib/events/event.ts';
import type { ConfigurationChange } from '../../lib/events/workflow.ts';
import type { Outgoing } from '../../lib/service/service.ts';
import type { Target } from './target.ts';

export interface Deployed {
  target: Target;
  change: ConfigurationChange;
  testStrategy: string;
  commit: string | undefined;
  image: string;
  /** What public hosts end in; empty: there are none. */
  domain: string;
  dryRun: boolean;
}

export function deploymentFinished({
  target,
  change,
  testStrategy,
  commit,
  image,
  domain,
  dryRun,
}: Deployed): Outgoing {
  const { project, stage, service, strategy } = target;
  const role = strategy === 'direct' ? '' : testStrategy === 'real-user' ? '-primary' : '-canary';
  const data = {
    project,
    stage,
    service,
    teststrategy: testStrategy,
    deploymentstrategy: strategy === 'direct' ? 'direct' : 'blue_green_service',
    ...splitImage(image),
    labels: change.labels ?? null,
    deploymentURILocal: `http://${service}${role}.${project}-${stage}`,
    ...(domain !== '' && { deploymentURIPublic: `http://${service}.${project}-${stage}.${domain}` }),
    ...(dryRun && { dryrun: true }),
  };
  return { type: eventTypes.deploymentFinished, data, extensions: commit === undefined ? {} : { gitcommitid: commit } };
}
