/** A problem as monitoring tells it: natively, by Alertmanager or Dynatrace, of which the eventbroker has made the same event. */
import { z } from 'zod';
import { Terminal } from '../../lib/errors/classes.ts';
import { placeInTags } from '../../lib/events/tags.ts';
import { goText as text } from '../../lib/model/go-text.ts';
import { dnsLabel, problemsOf } from '../../lib/model/names.ts';

export const problemData = z.object({
  State: z.string().transform((state) => state.toLowerCase()),
  ProblemID: text,
  PID: text,
  ProblemTitle: z.string().min(1),
  ProblemDetails: z.unknown().optional(),
  Tags: text,
  project: text,
  stage: text,
  service: text,
  labels: z.record(z.string(), z.string()).nullish(),
});
export type ProblemData = z.infer<typeof problemData>;

export interface Problem {
  /** The same from its first event to its last. */
  id: string;
  title: string;
  isOpen: boolean;
  project: string;
  stage: string;
  service: string;
  labels: Record<string, string> | null;
  /** Of who causes it, where monitoring knows. */
  clientIp: string | undefined;
}

const place = z.object({ project: dnsLabel, stage: dnsLabel, service: dnsLabel });
const details = z.object({ ClientIP: z.union([z.ipv4(), z.ipv6()]) });

/** `Terminal` when it does not say where it is: in its fields, or in its tags. */
export function problemOf(data: ProblemData, context: string): Problem {
  const tagged = placeInTags(data.Tags);
  const found = place.safeParse({
    project: data.project || tagged.project,
    stage: data.stage || tagged.stage,
    service: data.service || tagged.service,
  });
  if (!found.success) {
    throw new Terminal(
      'InvalidField',
      `problem ${data.ProblemTitle} does not say where it is: ${problemsOf(found.error)}`,
    );
  }
  return {
    ...found.data,
    id: data.PID || data.ProblemID || context,
    title: data.ProblemTitle,
    isOpen: data.State === 'open',
    labels: data.labels ?? null,
    clientIp: details.safeParse(data.ProblemDetails).data?.ClientIP,
  };
}
