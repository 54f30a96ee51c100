/**
 * The one ending of a reconciliation: conditions and status are written here and nowhere else, the Kubernetes event is
 * recorded, metrics are counted, and it is decided when the object is looked at again.
 */
import { KeptnError, messageOf, Terminal, Transient, Waiting } from '../lib/errors/classes.ts';
import { isDeepStrictEqual } from 'node:util';
import { nameOf, type Kind, type Stored } from '../lib/model/object.ts';
import { conditionAfter, findCondition, holds, type Condition, type Status } from '../lib/model/status.ts';
import { faultPoint } from './fault-point.ts';
import type { Outcome, Reconciliation, StepCondition } from './reconciliation.ts';
import { tell } from './tell.ts';

/** When to look again: `retry` with backoff, after a time, or only when something changes (and at the resync). */
export type Requeue = { kind: 'retry' } | { kind: 'after'; ms: number } | { kind: 'none' };

export type Result = 'success' | 'waiting' | 'terminal' | 'transient' | 'bug';

/** How long a waiting object sleeps when no change wakes it. */
const WAITING_MS = 30_000;

const stepConditions: readonly StepCondition[] = ['Synced', 'Announced', 'Upstream'];

export async function finish<K extends Kind>(run: Reconciliation<K>, outcome: Outcome<K>): Promise<Requeue> {
  const result = resultOf(outcome);
  logFailure(run, outcome, result);
  if (outcome.kind !== 'stopped' && !(result === 'transient' && holds(run.object, 'Ready')))
    await report(run, outcome, result);
  run.parts.metrics.reconciles.inc({ controller: run.object.kind.toLowerCase(), result });
  switch (result) {
    case 'success':
      return run.againAfterMs === undefined ? { kind: 'none' } : { kind: 'after', ms: run.againAfterMs };
    case 'waiting':
      return { kind: 'after', ms: run.againAfterMs ?? WAITING_MS * (0.8 + Math.random() * 0.4) };
    case 'terminal':
      return { kind: 'none' };
    case 'transient':
    case 'bug':
      return { kind: 'retry' };
  }
}

function resultOf<K extends Kind>(outcome: Outcome<K>): Result {
  if (outcome.kind !== 'failed') return 'success';
  if (outcome.error instanceof Waiting) return 'waiting';
  if (outcome.error instanceof Terminal) return 'terminal';
  return outcome.error instanceof Transient ? 'transient' : 'bug';
}

function logFailure<K extends Kind>(
  { object, context, parts }: Reconciliation<K>,
  outcome: Outcome<K>,
  result: Result,
): void {
  if (outcome.kind !== 'failed') return;
  const line = { key: nameOf(object), step: outcome.step.name, keptnContext: context };
  if (result === 'bug') parts.log.error({ ...line, err: outcome.error }, 'unexpected error, retrying');
  else
    parts.log[result === 'waiting' ? 'debug' : 'warn'](
      { ...line, reason: messageOf(outcome.error) },
      `reconcile is ${result}`,
    );
}

/** Writes the status when it differs, and tells a change of readiness as an event. */
async function report<K extends Kind>(run: Reconciliation<K>, outcome: Outcome<K>, result: Result): Promise<void> {
  const { object, parts } = run;
  const status: Status = {
    ...run.status,
    observedGeneration: object.metadata.generation,
    conditions: conditionsOf(run, outcome, result),
  };
  if (isDeepStrictEqual(status, object.status)) return;
  const before = findCondition(object.status, 'Ready');
  faultPoint(`${object.kind}/finish`);
  run.object = await parts.store.patchStatus(object, status);
  faultPoint(`${object.kind}/finished`);
  const ready = findCondition(status, 'Ready');
  if (ready && (ready.status !== before?.status || ready.reason !== before.reason || changedContent(object, status))) {
    const type = ready.status === 'True' || result === 'waiting' ? 'Normal' : 'Warning';
    void parts.store.note(run.object, { type, reason: ready.reason, message: ready.message });
  }
  const isNew = before?.observedGeneration !== object.metadata.generation;
  if (
    ready &&
    (isNew || ready.status !== before?.status || (ready.status !== 'True' && ready.message !== before?.message))
  )
    void tell(parts, run.object, run.context);
}

function changedContent(object: Stored, status: Status): boolean {
  return object.status?.commit !== status.commit;
}

/** Step conditions as far as the steps came, and the two that are derived: Ready, and Stalled for what nobody retries. */
function conditionsOf<K extends Kind>(run: Reconciliation<K>, outcome: Outcome<K>, result: Result): Condition[] {
  const conditions: Condition[] = [];
  const set = (type: string, status: Condition['status'], reason: string, message: string): void => {
    const said = { type, status, reason, message };
    conditions.push(conditionAfter(run.object.status, said, run.object.metadata.generation));
  };
  const failure =
    outcome.kind === 'failed' ? { condition: outcome.step.condition, ...explain(outcome.error) } : undefined;
  for (const type of stepConditions) {
    const reached = run.reached.get(type);
    if (failure?.condition === type) set(type, 'False', failure.reason, failure.message);
    else if (reached) set(type, 'True', reached.reason, reached.message);
    else {
      // The steps did not come that far, or had nothing to do there: what was known stays.
      const known = findCondition(run.object.status, type);
      if (known) conditions.push(known);
    }
  }
  const delivered = findCondition(run.object.status, 'Delivered');
  // The deliveries' own part writes it, after their events.
  if (delivered && run.status.delivery) conditions.push(delivered);
  if (failure) set('Ready', 'False', failure.reason, failure.message);
  else set('Ready', 'True', 'Reconciled', readyMessage(run.reached));
  if (failure && result === 'terminal') set('Stalled', 'True', failure.reason, failure.message);
  return conditions;
}

function explain(error: unknown): { reason: string; message: string } {
  // A bug's text may hold anything; the log has it.
  if (!(error instanceof KeptnError))
    return { reason: 'Internal', message: 'an unexpected error, see the log of the operator; retrying' };
  return { reason: error.code, message: error.message.slice(0, 1000) };
}

function readyMessage(reached: Reconciliation<Kind>['reached']): string {
  return stepConditions.flatMap((type) => reached.get(type)?.message ?? []).join('; ') || 'as declared';
}
