/** The slo.yaml of a service, in the version that an event is about. */
import type { Configuration } from '../../lib/configuration/client.ts';
import type { Outgoing } from '../../lib/service/service.ts';
import { notEvaluated, type Subject } from './done.ts';
import { parseSlo, type Slo } from './scoring/slo.ts';
import { readText } from '../../lib/configuration/versioned.ts';

/** `without`: the result where there is no slo.yaml. What cannot be read fails: nobody knows what it would have said. */
export async function objectivesOf(
  configuration: Configuration,
  subject: Subject,
  commit: string | undefined,
  without: string,
): Promise<{ slo: Slo } | { done: Outgoing; reason: string }> {
  const { project, stage, service } = subject;
  const nothing = (reason: string, result: string) => ({ done: notEvaluated(subject, result, reason), reason });
  const text = await readText(configuration, { project, stage, service }, 'slo.yaml', commit);
  if (text === undefined) return nothing(`no SLO found for service ${service}`, without);
  const parsed = parseSlo(text);
  if ('slo' in parsed) return parsed;
  return nothing(`slo.yaml of service ${service} is not valid: ${parsed.problem}`, 'fail');
}
