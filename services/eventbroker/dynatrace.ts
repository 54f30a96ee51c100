/**
 * Dynatrace's problem notification, as its custom integration sends it: the fields of a problem at the top level. The
 * same problem in the same state is the same event; a problem and its end are in one keptn context.
 */
import { z } from 'zod';
import { eventTypes } from '../../lib/events/event.ts';
import { placeInTags } from '../../lib/events/tags.ts';
import { idOf } from '../../lib/events/id.ts';
import type { Fields } from './handler.ts';

const notification = z.looseObject({
  State: z.enum(['OPEN', 'RESOLVED', 'MERGED', 'CLOSED']),
  PID: z.string().optional(),
  ProblemID: z.string().min(1),
  ProblemTitle: z.string(),
  Tags: z.string().default(''),
});

/** Nothing when the body is no such notification. */
export function fromDynatrace(body: unknown): Fields[] | undefined {
  const { data } = notification.safeParse(body);
  if (data === undefined) return undefined;
  const { State, PID = data.ProblemID, Tags } = data;
  return [
    {
      specversion: '1.0',
      type: eventTypes.problemOpen,
      source: 'dynatrace',
      id: idOf('dynatrace', PID, State),
      shkeptncontext: idOf('dynatrace', PID),
      // 0.6.2's remediation-service finds its project by these fields alone.
      data: { ...placeInTags(Tags), labels: null, ...data, PID },
    },
  ];
}
