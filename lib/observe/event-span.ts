/** The spans of events: an event carries the traceparent of its sending, as CloudEvents' distributed tracing has it. */
import { eventTypes, textIn, type KeptnEvent } from '../events/event.ts';
import { traced, traceparent, type SpanOptions } from './trace.ts';

/** Of what is done with an event, in the trace of its keptn context. */
export function spanOf(what: string, event: KeptnEvent): SpanOptions {
  const { id, type, source, shkeptncontext, data, extensions } = event;
  return {
    name: `${what} ${type}`,
    context: shkeptncontext,
    cause: extensions?.['traceparent'],
    attributes: {
      'cloudevents.event_id': id,
      'cloudevents.event_type': type,
      'cloudevents.event_source': source,
      'keptn.context': shkeptncontext,
      ...Object.fromEntries(['project', 'stage', 'service'].map((name) => [`keptn.${name}`, textIn(data, name)])),
    },
  };
}

/** Lines of a log are no steps: a trace would be full of them. */
export function isStep({ type }: KeptnEvent): boolean {
  return type !== eventTypes.log;
}

/** Sends the event as `send` does it, with its traceparent where there are traces. Its id stays what it is. */
export function publishing<T>(event: KeptnEvent, send: (event: KeptnEvent) => Promise<T>): Promise<T> {
  if (!isStep(event)) return send(event);
  return traced({ ...spanOf('publish', event), kind: 'producer' }, () => {
    const parent = traceparent();
    return send(parent === undefined ? event : { ...event, extensions: { ...event.extensions, traceparent: parent } });
  });
}
