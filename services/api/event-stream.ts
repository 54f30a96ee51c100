/** `GET /v1/events`: what happens from now on, as server-sent events, filtered by type, context, project, stage, service. */
import type { Response } from 'express';
import { z } from 'zod';
import { matches } from '../../lib/bus/filter.ts';
import { Transient } from '../../lib/errors/classes.ts';
import { encodeEvent } from '../../lib/events/codec.ts';
import { textIn, type KeptnEvent } from '../../lib/events/event.ts';
import { stream, type Route } from '../../lib/http/route.ts';
import { validate } from '../../lib/http/validate.ts';

const name = z.string().max(1024).optional();
const query = z.strictObject({
  type: z
    .string()
    .regex(/^sh\.keptn\.[\w.*>-]+$/, 'must be a type below sh.keptn., wildcards allowed')
    .default('sh.keptn.>'),
  keptnContext: name,
  project: name,
  stage: name,
  service: name,
});
type Query = z.output<typeof query>;

const STREAMS = 1_000;
/** Bytes that wait for a slow reader before it is cut off. */
const WAITING_BYTES = 1024 * 1024;
const BEAT_MS = 15_000;
const facets = ['project', 'stage', 'service'] as const;

export class EventStreams {
  readonly #streams = new Map<Response, Query>();
  readonly #beat = setInterval(() => this.#write(() => ':\n\n'), BEAT_MS).unref();

  route(): Route {
    return stream('get', '/v1/events', (request, response) => {
      const filter = validate(query, request.query, 'query');
      if (this.#streams.size >= STREAMS) throw new Transient('too many event streams are open');
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(':\n\n');
      this.#streams.set(response, filter);
      response.once('close', () => this.#streams.delete(response));
    });
  }

  tell(event: KeptnEvent): void {
    let text: string | undefined;
    this.#write((filter) => {
      if (!fits(event, filter)) return undefined;
      return (text ??= `id: ${oneLine(event.id)}\nevent: ${event.type}\ndata: ${encodeEvent(event)}\n\n`);
    });
  }

  close(): void {
    clearInterval(this.#beat);
    for (const response of this.#streams.keys()) response.end();
  }

  #write(textFor: (filter: Query) => string | undefined): void {
    for (const [response, filter] of this.#streams) {
      const text = textFor(filter);
      if (text === undefined) continue;
      if (response.writableLength > WAITING_BYTES) response.destroy();
      else response.write(text);
    }
  }
}

function fits(event: KeptnEvent, { type, keptnContext, ...names }: Query): boolean {
  if (!matches(type, event.type)) return false;
  if (keptnContext !== undefined && event.shkeptncontext !== keptnContext) return false;
  return facets.every((facet) => names[facet] === undefined || textIn(event.data, facet) === names[facet]);
}

const oneLine = (text: string): string => text.replace(/[\r\n\0]+/g, ' ');
