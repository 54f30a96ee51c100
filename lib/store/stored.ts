/** What every adapter keeps of an event: the columns that are asked for, and the event as JSON without its secrets. */
import { z } from 'zod';
import { decodeEvent, encodeEvent } from '../events/codec.ts';
import { textIn, type KeptnEvent } from '../events/event.ts';
import { refuseTooLarge } from '../events/size.ts';
import type { LogEntry } from './port.ts';

/** Columns whose values repeat, which filters compare with. */
export const facets = ['type', 'source', 'project', 'stage', 'service'] as const;
export type Facet = (typeof facets)[number];

export interface StoredEvent {
  id: string;
  /** Milliseconds since 1970. */
  time: number;
  keptnContext: string;
  type: string;
  source: string;
  /** Undefined where `data` has no such text. */
  project: string | undefined;
  stage: string | undefined;
  service: string | undefined;
  /** CloudEvents 0.2, JSON. */
  body: string;
}

/** As long as an attribute may be; longer ones are stored but not found by. */
const MAX_FACET = 1024;

export function storedOf(event: KeptnEvent): StoredEvent {
  const body = withoutSecrets(encodeEvent(event));
  refuseTooLarge(Buffer.byteLength(body));
  return {
    id: event.id,
    time: Date.parse(event.time),
    keptnContext: event.shkeptncontext,
    type: event.type,
    source: event.source,
    project: facetIn(event.data, 'project'),
    stage: facetIn(event.data, 'stage'),
    service: facetIn(event.data, 'service'),
    body,
  };
}

export function eventOf(body: string): KeptnEvent {
  return decodeEvent(body);
}

/** 0.6.2 hides the token of `eventContext` when it answers; what is never stored cannot be read in a backup either. */
function withoutSecrets(body: string): string {
  if (!/"(eventContext|gitToken)":/.test(body)) return body;
  const hide = (key: string, value: unknown): unknown => (key === 'eventContext' || key === 'gitToken' ? null : value);
  return JSON.stringify(JSON.parse(body), hide);
}

function facetIn(data: unknown, name: 'project' | 'stage' | 'service'): string | undefined {
  const value = textIn(data, name);
  return value !== undefined && value !== '' && value.length <= MAX_FACET ? value : undefined;
}

const logSchema = z.object({
  id: z.string().optional(),
  timestamp: z.string(),
  keptnContext: z.string(),
  eventId: z.string(),
  keptnService: z.string(),
  message: z.string(),
  logLevel: z.string(),
});

/** The entry in this JSON. */
export function entryOf(body: string): LogEntry {
  return logSchema.parse(JSON.parse(body));
}
