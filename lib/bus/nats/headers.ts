/** The headers of a dead letter: why, by whom, after how many tries. */
import { type MsgHdrs } from '@nats-io/transport-node';
import type { DeadLetter } from '../port.ts';

const names = { reason: 'Keptn-Reason', durable: 'Keptn-Durable', attempts: 'Keptn-Attempts' } as const;

export function deadLetterHeaders({ reason, durable, attempts }: DeadLetter): Record<string, string> {
  return { [names.reason]: reason, [names.durable]: durable, [names.attempts]: String(attempts) };
}

export function deadLetterOf(headers: MsgHdrs | undefined): DeadLetter {
  const attempts = Number(headers?.get(names.attempts) ?? 0);
  return {
    reason: headers?.get(names.reason) ?? '',
    durable: headers?.get(names.durable) ?? '',
    attempts: Number.isInteger(attempts) ? attempts : 0,
  };
}
