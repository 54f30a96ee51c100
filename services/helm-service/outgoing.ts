/** The events that helm-service sends. */
import { splitImage } from '../../lib/delivery/image.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { OUTDATED, type ActionFinished } from '../../lib/events/remediation.ts';
import type { ConfigurationChange } from '../../lib/events/workflow.ts';
import type { Outgoing } from '../../lib/service/service.ts';
import type { Target } from './target.ts';

/** Of a change whose files are others by now. */
export const OUTDATED_REASON = 'Outdated';

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

/** Of which action a change is, where its sender wants to hear how it came off, and evaluates it himself. */
export const actionOf = ({ extensions, source }: KeptnEvent): string | undefined =>
  source.endsWith('remediation-service') ? extensions?.['triggeredid'] : undefined;

/** `failure`: undefined when it is in effect. */
export function actionFinished(
  { project, stage, service, labels = null }: ConfigurationChange,
  triggeredid: string,
  failure?: { reason: string; message: string },
): Outgoing {
  const status = failure ? (failure.reason === OUTDATED_REASON ? OUTDATED : 'errored') : 'succeeded';
  const message = failure ? `${failure.reason}: ${failure.message}` : '';
  const data: ActionFinished = {
    ...{ project, stage, service, labels },
    action: { result: failure ? 'failed' : 'pass', status, message },
  };
  return { type: eventTypes.actionFinished, data, extensions: { triggeredid } };
}
