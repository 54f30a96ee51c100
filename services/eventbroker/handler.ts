/**
 * What the eventbroker makes of a request: Keptn events. A CloudEvent gets the id, time and keptn context that it lacks;
 * what a monitoring tool or a webhook sends becomes events by the mappings.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Terminal } from '../../lib/errors/classes.ts';
import { decodeEvent } from '../../lib/events/codec.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { httpMessage, isRecord } from '../../lib/events/http-message.ts';
import { idOf } from '../../lib/events/id.ts';
import { subjectOf } from '../../lib/events/subject.ts';
import { matches } from '../../lib/bus/filter.ts';
import { fromAlertmanager } from './alertmanager.ts';
import { fromDynatrace } from './dynatrace.ts';
import type { Mappings } from './mapping.ts';

/** The fields of an event that is to be, with whatever is known of it. */
export type Fields = Record<string, unknown>;

export interface Rules {
  /** Subjects with wildcards: the types that are taken. */
  types: readonly string[];
  mappings: Mappings;
}

/** At least one event, each fit to be published. Throws `Terminal` for what is none. */
export function eventsOf(headers: IncomingHttpHeaders, body: Buffer, { types, mappings }: Rules): KeptnEvent[] {
  const message = httpMessage(headers, body);
  const mapped = mappings.apply(message);
  const fields = mapped ?? (message.kind === 'event' ? [message.fields] : fromTools(message.body));
  if (fields === undefined || fields.length === 0) {
    throw new Terminal('InvalidBody', 'the body is no CloudEvent, no known notification, and no mapping takes it');
  }
  return fields.map((one) => {
    const event = decodeEvent(completed(one));
    const type = subjectOf(event.type);
    if (!types.some((filter) => matches(filter, type))) {
      throw new Terminal('InvalidField', `type: ${type} is not among the types that are taken here`);
    }
    return event;
  });
}

function fromTools(body: unknown): Fields[] | undefined {
  return fromAlertmanager(body) ?? fromDynatrace(body);
}

/** Go services send an empty text for what they do not have. */
const missing = (value: unknown): boolean => value === undefined || value === null || value === '';

/** Go's time that nobody has set. */
const isZero = (time: unknown): boolean => typeof time === 'string' && time.startsWith('0001-01-01T00:00:00');

function completed(fields: Fields): Fields {
  const complete: Fields = { ...fields };
  if (missing(complete['id'])) complete['id'] = randomUUID();
  if (missing(complete['shkeptncontext'])) complete['shkeptncontext'] = randomUUID();
  if (missing(complete['time']) || isZero(complete['time'])) delete complete['time'];
  const { id, type, data } = complete;
  // Dynatrace's own template gives a problem one id, open or resolved.
  if (type === eventTypes.problem && isRecord(data) && data['PID'] === id) {
    complete['id'] = idOf('problem', String(id), String(data['State']));
  }
  return complete;
}
