/** The settings of remediation-service, from the environment; times in milliseconds from here on. */
import type { z } from 'zod';
import { duration } from '../../lib/model/duration.ts';
import { unleashSettings } from './unleash.ts';

export const remediationSettings = unleashSettings.extend({
  /** After an action until an evaluation says whether it helped, where remediation.yaml does not say. */
  REMEDIATION_WAIT: duration.default(300_000),
  /** For the service of an action of one's own to answer, and for an evaluation. */
  REMEDIATION_ANSWER_TIMEOUT: duration.default(600_000),
});
export type RemediationSettings = z.output<typeof remediationSettings>;
