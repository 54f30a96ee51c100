/** One run of one object: what steps get, what they may change, and the loop that runs them. */
import type { EventBus } from '../lib/bus/port.ts';
import { contextOf } from '../lib/model/keptn-context.ts';
import type { Kind, Stored } from '../lib/model/object.ts';
import type { Status } from '../lib/model/status.ts';
import type { Logger } from '../lib/observe/log.ts';
import type { OperatorMetrics } from '../lib/observe/metrics.ts';
import type { ResourceStore } from '../lib/resources/port.ts';
import type { Configuration } from '../lib/configuration/client.ts';
import { faultPoint } from './fault-point.ts';

/** Of the commits that the operator causes. */
export const AUTHOR = 'keptn-operator <keptn-operator@keptn.sh>';

export interface Parts {
  store: ResourceStore;
  configuration: Configuration;
  bus: EventBus;
  log: Logger;
  metrics: OperatorMetrics;
}

/** Conditions that steps bring about; Ready and Stalled are derived from them in finish.ts. */
export type StepCondition = 'Synced' | 'Announced' | 'Upstream';

export interface Reconciliation<K extends Kind> {
  readonly parts: Parts;
  /** The object as read, or as the last write gave it back. */
  object: Stored<K>;
  /** Becomes the status in the end; steps fill in what they found out. */
  status: Status;
  /** The keptn context of this generation, in its project: in its commits and its events. */
  context: string;
  /** Said of the conditions that the steps reached: reason and sentence. */
  readonly reached: Map<StepCondition, { reason: string; message: string }>;
  /** Look again after this time although nothing is wrong. */
  againAfterMs?: number;
}

/** One step: resolves when its part is as desired, `stop` when nothing else is to be done, or throws (lib/errors). */
export interface Step<K extends Kind> {
  name: string;
  /** The condition that is False when this step fails. */
  condition: StepCondition;
  run: (run: Reconciliation<K>) => Promise<'stop' | void>;
}

/** What a kind needs done, in order: `steps` to bring an object about, `finalize` before a deleted one may go. */
export interface Reconciler<K extends Kind> {
  kind: K;
  steps: readonly Step<K>[];
  finalize: readonly Step<K>[];
}

export type Outcome<K extends Kind> =
  { kind: 'success' } | { kind: 'stopped' } | { kind: 'failed'; step: Step<K>; error: unknown };

export function begin<K extends Kind>(parts: Parts, object: Stored<K>): Reconciliation<K> {
  const status = structuredClone(object.status ?? {});
  return { parts, object, status, context: contextOf(object, status.projectUid), reached: new Map() };
}

export async function runSteps<K extends Kind>(steps: readonly Step<K>[], run: Reconciliation<K>): Promise<Outcome<K>> {
  for (const step of steps) {
    faultPoint(`${run.object.kind}/${step.name}`);
    try {
      if ((await step.run(run)) === 'stop') return { kind: 'stopped' };
    } catch (error) {
      return { kind: 'failed', step, error };
    }
  }
  return { kind: 'success' };
}
