/** How long a phase of a delivery may last, as a setting: `Testing=2h,Evaluating=30m`. */
import { InvalidArgumentError } from 'commander';
import type { PhaseLimits } from './deliveries.ts';

/** Nobody knows how long a person takes: there is none for Approving. */
const limited = ['Deploying', 'Testing', 'Evaluating', 'Promoting'];
const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

export const defaultLimits = 'Deploying=60m,Testing=2h,Evaluating=30m,Promoting=60m';

export function phaseLimits(text: string): PhaseLimits {
  const limits = text.split(',').map((part): [string, number] => {
    const [, phase = '', count, unit = ''] = /^([A-Z][a-z]+)=(\d+)([smh])$/.exec(part.trim()) ?? [];
    const ms = Number(count) * (units[unit] ?? NaN);
    if (limited.includes(phase) && ms > 0) return [phase, ms];
    throw new InvalidArgumentError(`It has to be like ${defaultLimits}; there are ${limited.join(', ')}.`);
  });
  return Object.fromEntries(limits);
}
