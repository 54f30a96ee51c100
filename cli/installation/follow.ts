/** Shows how an installation comes up, component by component, until it is ready or the time is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Transient } from '../../lib/errors/classes.ts';
import { versionOf } from '../../lib/installation/installation.ts';
import { OPERATOR } from '../../lib/installation/operator.ts';
import type { Keptn } from '../../lib/model/keptn.ts';
import type { Cluster } from '../cluster.ts';
import { CliError } from '../errors.ts';
import type { Output } from '../output.ts';
import { adviceFor } from './advice.ts';
import { componentsIn, readyOf, type ComponentState } from './components.ts';
import { readOperator } from './present.ts';

const LOOK_MS = 500;

export interface Awaited {
  /** Of the operator; where it is not known, any version will do. */
  image: string | undefined;
  timeoutMs: number;
}

/** Rejects with `failed` when nothing is going to happen, with `timeout` when it takes too long. */
export async function followInstallation(
  cluster: Cluster,
  { image, timeoutMs }: Awaited,
  output: Output,
): Promise<Keptn> {
  const end = Date.now() + timeoutMs;
  const told = new Set<string>();
  for (; ; await sleep(LOOK_MS)) {
    const { keptn, states } = await look(cluster, image);
    await tell(cluster, states, told, output);
    if (keptn && readyOf(keptn)?.status === 'True' && isOfVersion(keptn, image)) return keptn;
    if (Date.now() > end) throw await overdue(cluster, states, timeoutMs);
  }
}

function isOfVersion({ spec, status }: Keptn, image: string | undefined): boolean {
  const wanted = spec.image ?? image;
  return wanted === undefined || status?.version === versionOf(wanted);
}

/** An API server that is away for a moment ends nothing. */
async function look(cluster: Cluster, image: string | undefined): Promise<{ keptn?: Keptn; states: ComponentState[] }> {
  try {
    const found = await cluster.keptn.read();
    if (!found) throw new CliError('failed', 'somebody has deleted the Keptn object: keptn install makes it again');
    const { keptn } = found;
    if (keptn.spec.suspend) throw new CliError('failed', 'spec.suspend is true: the operator leaves Keptn as it is');
    return { keptn, states: [await operatorState(cluster, keptn, image), ...componentsIn(keptn)] };
  } catch (error) {
    if (!(error instanceof Transient)) throw error;
    return { states: [{ component: 'cluster', ready: false, reason: 'Unavailable', message: error.message }] };
  }
}

/** The first of them, which brings up the others. */
async function operatorState(cluster: Cluster, keptn: Keptn, image: string | undefined): Promise<ComponentState> {
  const component = OPERATOR;
  const operator = await readOperator(cluster);
  // The version is told when all run it: an installation that is new has none.
  const isAtWork = keptn.status?.version === undefined || isOfVersion(keptn, image);
  if (readyOf(keptn) && isAtWork) return { component, ready: true, reason: 'Ready', message: 'at work' };
  if (!operator) return { component, ready: false, reason: 'NotFound', message: 'somebody has deleted it' };
  const { status, reason, message } = operator.health;
  return { component, ready: status === 'True' && readyOf(keptn) !== undefined, reason, message };
}

async function tell(
  cluster: Cluster,
  states: readonly ComponentState[],
  told: Set<string>,
  output: Output,
): Promise<void> {
  const ready = states.filter((state) => state.ready).length;
  for (const state of states) {
    const { component, reason, message } = state;
    const readyKey = `${component} Ready`;
    const key = state.ready ? readyKey : `${component} ${reason}`;
    if (!state.ready) told.delete(readyKey);
    // Reasons alternate: a pull that fails, the pause until the next.
    if (told.has(key)) continue;
    told.add(key);
    if (state.ready) output.line('INFO', `✓ ${component} is ready (${ready} of ${states.length})`);
    else if (reason !== 'Progressing') output.line('WARN', `! ${await sentenceFor(cluster, state)}`);
    else output.line('INFO', `  ${component}: ${message}`);
  }
}

async function sentenceFor(cluster: Cluster, { component, reason, message }: ComponentState): Promise<string> {
  const advice = await adviceFor(cluster, component, reason);
  return `${component}: ${message}${advice === undefined ? '' : `: ${advice}`}`;
}

async function overdue(cluster: Cluster, states: readonly ComponentState[], timeoutMs: number): Promise<CliError> {
  const late = states.filter(({ ready }) => !ready);
  const sentences = await Promise.all(late.map((state) => sentenceFor(cluster, state)));
  return new CliError(
    'timeout',
    `not ready within ${timeoutMs / 1000} s, and it goes on: keptn status. ${sentences.join('; ')}`,
  );
}
