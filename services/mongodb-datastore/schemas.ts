/** What requests bring and answers have: checked at the boundary, and shown in the OpenAPI document. */
import { z } from 'zod';
import { isTime } from '../../lib/events/attributes.ts';
import { pageSizeUpTo } from '../../lib/http/validate.ts';

const MAX_PAGE = 100;
const MAX_ENTRIES = 10_000;

/** An empty value is none, as in 0.6.2. */
const text = z
  .string()
  .max(1024)
  .transform((given) => (given === '' ? undefined : given))
  .optional();
const filter = (description: string) => text.meta({ type: 'string', description });

const time = (description: string) =>
  text
    .refine((given) => given === undefined || isTime(given), 'must be a time as in RFC 3339')
    .meta({ type: 'string', format: 'date-time', description });

const page = {
  pageSize: pageSizeUpTo(MAX_PAGE),
  nextPageKey: z
    .string()
    .max(8192)
    // The first page of 0.6.2's offsets.
    .transform((given) => (given === '' || given === '0' ? undefined : given))
    .optional()
    .meta({ type: 'string', description: '`nextPageKey` of the page before.' }),
};

export const eventsQuery = z.object({
  keptnContext: filter('Events of this context.'),
  type: filter('Events of this type.'),
  source: filter('Events from this source.'),
  project: filter('Events whose `data.project` is this.'),
  stage: filter('Events whose `data.stage` is this.'),
  service: filter('Events whose `data.service` is this.'),
  fromTime: time('Events later than this.'),
  beforeTime: time('Events earlier than this.'),
  until: filter('Answers when the event with this id is on the page, after two seconds at the latest.'),
  root: filter('With any value: the oldest event of each context in which an event matches, in pages of 100.'),
  ...page,
});
export const logsQuery = z.object({
  eventId: filter('Entries about this event.'),
  keptnContext: filter('Entries of this context.'),
  ...page,
});

/** Looked at closely by the codec, which knows all versions. */
export const eventBody = z.looseObject({}).meta({ id: 'CloudEvent', description: 'A CloudEvent 0.2, 0.3 or 1.0.' });

const entry = z.string().max(65_536).default('');
export const logsBody = z
  .array(
    z.object({
      timestamp: z.string().refine(isTime, 'must be a time as in RFC 3339').optional(),
      keptnContext: entry,
      eventId: entry,
      keptnService: entry.describe('Entries without it are not stored, as in 0.6.2.'),
      message: z.string().default(''),
      logLevel: entry,
    }),
  )
  .max(MAX_ENTRIES)
  .meta({ id: 'LogEntries' });

const pageFields = {
  nextPageKey: z.string().optional().describe('For the next page; absent at the end.'),
  pageSize: z.int().optional(),
  totalCount: z.int().optional().describe('Of all pages; from 10,000 on a lower bound. Absent when there are none.'),
};
export const eventsAnswer = z
  .strictObject({
    events: z
      .array(
        z.looseObject({
          specversion: z.literal('0.2'),
          id: z.string(),
          type: z.string(),
          source: z.string(),
          time: z.string().meta({ format: 'date-time' }),
          contenttype: z.string(),
          shkeptncontext: z.string(),
          data: z.unknown(),
        }),
      )
      .nullable()
      .describe('Newest first; null when there are none.'),
    ...pageFields,
  })
  .meta({ id: 'Events' });
export const logsAnswer = z
  .strictObject({
    logs: z
      .array(
        z.strictObject({
          timestamp: z.string().meta({ format: 'date-time' }),
          keptnContext: z.string().optional(),
          eventId: z.string().optional(),
          keptnService: z.string().optional(),
          message: z.string().optional(),
          logLevel: z.string().optional(),
        }),
      )
      .nullable()
      .describe('Newest first; null when there are none.'),
    ...pageFields,
  })
  .meta({ id: 'Logs' });
