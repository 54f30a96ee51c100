/** Begins a delivery and shows it to its end: what `send event new-artifact`, `promote` and `rollback` have in common. */
import type { Command } from 'commander';
import { entering, type InStage, type StagePlace } from '../lib/delivery/by-hand.ts';
import { Terminal } from '../lib/errors/classes.ts';
import { begun, type Client } from './client.ts';
import { watchDelivery } from './delivery-view.ts';
import { CliError } from './errors.ts';
import { eventsOf } from './events.ts';
import { outputOf, waitingOf } from './session.ts';
import { stagesOf } from './stages.ts';

/** Of a service: enough for the newest deliveries, in all stages. */
const PAST = 500;

export interface Wanted {
  /** `stage`: the one to enter; empty for the first. */
  place: StagePlace;
  image: string;
  order: readonly string[];
  until?: string | undefined;
}

export async function deliver(command: Command, client: Client, wanted: Wanted): Promise<void> {
  const { place, image, order, until } = wanted;
  const source = 'https://github.com/keptn/keptn/cli#configuration-change';
  const sent = { ...entering(place, image, until), source };
  const { keptnContext } = await client.call('POST', '/v1/event', begun, sent);
  const output = outputOf(command);
  output.line('INFO', `ID of Keptn context: ${keptnContext}`);
  const timeoutMs = waitingOf(command);
  if (timeoutMs === undefined) return;
  const watched = { project: place.project, service: place.service, keptnContext, last: until ?? order.at(-1) ?? '' };
  await watchDelivery(client, watched, order, output, timeoutMs);
  output.line('INFO', `${image} is delivered`);
}

/** What the history has of a service in a stage, for `choose`; what that cannot find is told as the reason. */
export async function chosenFrom<T>(client: Client, place: StagePlace, choose: (from: InStage) => T): Promise<T> {
  const { project, service } = place;
  const order = await stagesOf(client, project);
  const events = await eventsOf(client, { project, service }, PAST);
  try {
    return choose({ place, order, events });
  } catch (error) {
    if (error instanceof Terminal) throw new CliError('failed', error.message, { cause: error });
    throw error;
  }
}
