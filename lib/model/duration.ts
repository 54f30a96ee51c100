/** A time as settings and files of a project give it, such as `10m`; in milliseconds from then on. */
import { z } from 'zod';

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 };
/** A timer cannot be set for longer than 24 days. */
const LONGEST_MS = 480 * unitMs.h;

export const duration = z
  .string()
  .regex(/^\d+[smh]$/, 'must be a whole number and s, m or h, such as 10m')
  .transform((text) => {
    const { s, m, h } = unitMs;
    const unit = text.endsWith('s') ? s : text.endsWith('m') ? m : h;
    return Number.parseInt(text, 10) * unit;
  })
  .refine((ms) => ms <= LONGEST_MS, 'must be at most 480h');
