/** The options of a subscription, checked and with their defaults: the same for every adapter. */
import { z } from 'zod';
import { Terminal } from '../errors/classes.ts';
import { filterPattern, overlap, withoutCovered } from './filter.ts';
import type { SubscribeOptions } from './port.ts';

export interface SubscriptionSettings extends Required<SubscribeOptions> {
  /** Where the filters look: events or dead letters. */
  space: 'events' | 'dead';
}

const schema = z.object({
  durable: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be 1 to 128 letters, digits, "-" and "_"'),
  filters: z
    .array(z.string().max(255).regex(filterPattern, 'must be a subject below sh.keptn. or dead., wildcards allowed'))
    .min(1)
    .transform(withoutCovered)
    .refine((filters) => new Set(filters.map(spaceOf)).size === 1, 'must be all below sh.keptn. or all below dead.')
    .refine(disjoint, 'must not overlap: an event would match two of them'),
  from: z.enum(['all', 'new']),
  concurrency: z.int().min(1).max(1000).default(1),
  maxAttempts: z.int().min(1).max(1000).default(10),
  ackWaitMs: z.int().min(100).max(3_600_000).default(10_000),
  lasting: z.boolean().default(true),
});

export function settingsOf(options: SubscribeOptions): SubscriptionSettings {
  const result = schema.safeParse(options);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new Terminal('InvalidField', `${issue?.path.join('.') ?? 'options'}: ${issue?.message ?? 'is invalid'}`);
  }
  return { ...result.data, space: spaceOf(result.data.filters[0] ?? '') };
}

function spaceOf(filter: string): 'events' | 'dead' {
  return filter.startsWith('dead.') ? 'dead' : 'events';
}

function disjoint(filters: readonly string[]): boolean {
  return filters.every((filter, i) => filters.slice(i + 1).every((other) => !overlap(filter, other)));
}

/** Deliveries that a durable may have taken and not finished: those in work, and those behind them in their lanes. */
export function windowOf({ concurrency }: SubscriptionSettings): number {
  return concurrency === 1 ? 1 : Math.max(256, 2 * concurrency);
}
