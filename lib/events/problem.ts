/** A problem as monitoring tells it: natively, by Alertmanager or Dynatrace, of which the eventbroker has made the same event. */
import { z } from 'zod';
import { Terminal } from '../errors/classes.ts';
import { goText as text } from '../model/go-text.ts';
import { dnsLabel, problemsOf } from '../model/names.ts';
import { eventTypes, type KeptnEvent } from './event.ts';
import { placeInTags } from './tags.ts';

export const problemTypes: readonly string[] = [eventTypes.problem, eventTypes.problemOpen, eventTypes.problemClose];

export const problemData = z.looseObject({
  State: text,
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
type ProblemData = z.infer<typeof problemData>;

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
  /** As monitoring told it, for the events about what is done. */
  told: ProblemData;
}

const place = z.object({ project: dnsLabel, stage: dnsLabel, service: dnsLabel });
const details = z.object({ ClientIP: z.union([z.ipv4(), z.ipv6()]) });

/** Which problem an event is about, and whether it says that it is open. */
export function stateOf({
  data,
  type,
  shkeptncontext,
}: KeptnEvent & { data: ProblemData }): Pick<Problem, 'id' | 'isOpen'> {
  return {
    id: data.PID || data.ProblemID || shkeptncontext,
    isOpen: data.State.toLowerCase() === 'open' && type !== eventTypes.problemClose,
  };
}

/** `Terminal` when it does not say where it is: in its fields, or in its tags. */
export function problemOf(event: KeptnEvent & { data: ProblemData }): Problem {
  const { data } = event;
  const { project, stage, service, labels = null } = data;
  const tagged = placeInTags(data.Tags);
  const found = place.safeParse({
    project: project || tagged.project,
    stage: stage || tagged.stage,
    service: service || tagged.service,
  });
  if (!found.success) {
    throw new Terminal(
      'InvalidField',
      `problem ${data.ProblemTitle} does not say where it is: ${problemsOf(found.error)}`,
    );
  }
  const state = stateOf(event);
  return {
    ...found.data,
    ...state,
    title: data.ProblemTitle,
    labels,
    clientIp: details.safeParse(data.ProblemDetails).data?.ClientIP,
    told: { ...data, PID: state.id },
  };
}
