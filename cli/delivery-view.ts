/** A delivery on the terminal while it runs: a line for each phase of each stage, with its time, and the result as exit code. */
import { setTimeout as sleep } from 'node:timers/promises';
import { deliveryOf } from '../lib/delivery/delivery.ts';
import { hasStopped, isOver, newImage, type StageDelivery } from '../lib/delivery/stage.ts';
import { textIn } from '../lib/events/event.ts';
import type { Client } from './client.ts';
import { eventsOf } from './events.ts';
import { CliError } from './errors.ts';
import type { Output } from './output.ts';
import { stagesOf } from './stages.ts';

const LOOK_MS = 500;

export interface Watched {
  project: string;
  service: string;
  keptnContext: string;
  /** The stage where it ends. */
  last: string;
}

/** Until it has passed its last stage; rejects with `failed` when it ends before, with `timeout` when nobody waits longer. */
export async function watchDelivery(
  client: Client,
  watched: Watched,
  stages: readonly string[],
  output: Output,
  timeoutMs: number,
): Promise<void> {
  const { keptnContext, service, last } = watched;
  const said = new Map<string, string>();
  for (const end = Date.now() + timeoutMs; ; await sleep(LOOK_MS)) {
    const delivery = deliveryOf(await eventsOf(client, { keptnContext, service }, 100), stages[0] ?? '');
    for (const stage of delivery.stages.values()) {
      const state = `${stage.phase} ${stage.message} ${delivery.paused}`;
      if (said.get(stage.name) === state) continue;
      said.set(stage.name, state);
      output.line(stage.phase === 'Failed' ? 'ERROR' : 'INFO', lineOf(stage, delivery.paused, stages));
      if (stage.phase === 'Approving') output.line('INFO', approvalOf(watched, stage));
    }
    const states = [...delivery.stages.values()];
    const failed = states.find(hasStopped);
    if (failed) throw new CliError('failed', `${watched.service} ended in ${failed.name}: ${failed.message}`);
    if (delivery.stages.get(last)?.phase === 'Ready') return;
    if (Date.now() > end) {
      const next = `it goes on: keptn get events --keptn-context=${watched.keptnContext} shows how far it is`;
      throw new CliError('timeout', `not done within ${timeoutMs / 1000} s; ${next}`);
    }
  }
}

/** A delivery is over where it has stopped, or passed its last stage; anything else with its last line. */
export function overWhen(client: Client, keptnContext: string): (hasLastLine: boolean) => Promise<boolean> {
  let order: string[] | undefined;
  return async (hasLastLine) => {
    const events = await eventsOf(client, { keptnContext }, 500);
    const begun = events.findLast((event) => newImage(event) !== undefined);
    if (!begun) return hasLastLine;
    order ??= await stagesOf(client, textIn(begun.data, 'project') ?? '');
    const { stages, until } = deliveryOf(events, order[0] ?? '');
    return [...stages.values()].some(hasStopped) || stages.get(until ?? order.at(-1) ?? '')?.phase === 'Ready';
  };
}

function lineOf(stage: StageDelivery, isPaused: boolean, names: readonly string[]): string {
  const width = Math.max(...names.map((name) => name.length));
  const seconds = (Date.parse(stage.since) - Date.parse(stage.startedAt)) / 1000;
  const score = stage.score === undefined ? '' : ` (score ${Math.round(stage.score * 10) / 10})`;
  const phase = isPaused && !isOver(stage) ? 'Paused' : stage.phase;
  return `${stage.name.padEnd(width)}  ${phase.padEnd(10)}  ${`${seconds.toFixed(1)} s`.padStart(8)}  ${stage.message}${score}`;
}

function approvalOf({ project, service, keptnContext }: Watched, { name }: StageDelivery): string {
  return `keptn send event approval --project=${project} --service=${service} --stage=${name} --keptn-context=${keptnContext}`;
}
