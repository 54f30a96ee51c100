/** Waits for the result of an evaluation, and shows it: a line an SLI, and the verdict as exit code. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventTypes, textIn } from '../lib/events/event.ts';
import { evaluationDone } from '../lib/events/workflow.ts';
import { hasPassed } from '../lib/delivery/stage.ts';
import type { Client } from './client.ts';
import { CliError } from './errors.ts';
import { eventsOf } from './events.ts';
import type { Output } from './output.ts';

const LOOK_MS = 500;

/** Rejects with `failed` when it does not pass, with `timeout` when there is none in time. */
export async function resultOf(client: Client, keptnContext: string, output: Output, timeoutMs: number): Promise<void> {
  for (const end = Date.now() + timeoutMs; ; await sleep(LOOK_MS)) {
    const [done] = await eventsOf(client, { keptnContext, type: eventTypes.evaluationDone }, 1);
    if (done) return show(done.data, output);
    if (Date.now() > end) {
      const next = `keptn get event evaluation-done --keptn-context=${keptnContext} shows it when it is there`;
      throw new CliError('timeout', `no result within ${timeoutMs / 1000} s; ${next}`);
    }
  }
}

async function show(data: unknown, output: Output): Promise<void> {
  const { result, evaluationdetails: details } = evaluationDone.parse(data);
  const columns = [
    { title: 'SLI', of: ({ value: { metric } }: Indicator) => metric },
    {
      title: 'VALUE',
      of: ({ value: { value, success, message } }: Indicator) => (success ? String(value) : (message ?? '')),
    },
    { title: 'STATUS', of: ({ status }: Indicator) => status },
  ];
  const indicators = details?.indicatorResults ?? [];
  if (output.format === 'json' || output.format === 'yaml') await output.value(data);
  else if (indicators.length > 0) await output.items(indicators, columns, '');
  const said = textIn(details, 'message') ?? details?.result ?? '';
  if (result === '') throw new CliError('failed', `nothing was evaluated: ${said}`);
  const score = Math.round((details?.score ?? 0) * 10) / 10;
  const verdict = `${result}, score ${score}${said && said !== result ? `: ${said}` : ''}`;
  if (!hasPassed(result)) throw new CliError('failed', `the evaluation ended with ${verdict}`);
  output.line('INFO', `The evaluation ended with ${verdict}`);
}

type Indicator = NonNullable<
  NonNullable<ReturnType<typeof evaluationDone.parse>['evaluationdetails']>['indicatorResults']
>[number];
