/**
 * The data of the events about what is done for a problem. An action is triggered and finished as in Keptn 0.7, so that
 * services written for that can do actions of their own; `triggeredid`, an extension, says which action an answer is of.
 */
import { z } from 'zod';
import { goText as text } from '../model/go-text.ts';
import { dnsLabel } from '../model/names.ts';
import { problemData } from './problem.ts';

const labels = z.record(z.string(), z.string()).nullish();
const place = { project: dnsLabel, stage: dnsLabel, service: dnsLabel, labels };

const action = z.object({
  name: text,
  /** Which: `scaling`, or one that a service of its own does. */
  action: z.string().min(1),
  description: text,
  value: z.unknown().optional(),
  /** Ours: how long it has time to help, in milliseconds. */
  wait: z.number().optional(),
});

/** Also of the event that takes an action back. */
export const actionTriggered = z.object({ ...place, action, problem: problemData });
export type ActionTriggered = z.infer<typeof actionTriggered>;

/** Ours: what was to be changed has changed meanwhile, and the action is to be made anew from what is there. */
export const OUTDATED = 'outdated';

export const actionFinished = z.object({
  ...place,
  action: z.object({ result: z.enum(['pass', 'failed']), status: text, message: text }),
});
export type ActionFinished = z.infer<typeof actionFinished>;

export const remediationFinished = z.object({
  ...place,
  /** Ours: which. */
  problem: problemData.optional(),
  remediation: z.object({ result: z.enum(['pass', 'failed']), status: text, message: text }),
});
export type RemediationFinished = z.infer<typeof remediationFinished>;

/** Ours: of an escalation, and of the end of a problem. */
export const remediationTold = z.object({
  ...place,
  problem: problemData,
  /** Those that were tried, in order. */
  actions: z.array(z.string()),
  /** A sentence for people. */
  message: text,
});
export type RemediationTold = z.infer<typeof remediationTold>;

/** Ours: when to look again at the problem of a keptn context. */
export const timer = z.object({ keptnContext: z.string().min(1), until: z.iso.datetime() });
export type Timer = z.infer<typeof timer>;
