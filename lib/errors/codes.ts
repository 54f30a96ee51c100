/**
 * Every error code of the project in one table: the HTTP status that a service answers with, and the sentence
 * for the docs. A code is also the reason of a condition. Match on codes, never on texts.
 */
export const codes = {
  InvalidField: { status: 422, meaning: 'A field has a value that its schema does not allow; the message names it.' },
  InvalidBody: { status: 400, meaning: 'The request body is no JSON of the expected shape.' },
  TooLarge: { status: 413, meaning: 'The content is larger than the limit in the message.' },
  Unauthorized: { status: 401, meaning: 'The API token is missing or wrong.' },
  Forbidden: { status: 403, meaning: 'Nobody may do this here; the message says what to do instead.' },
  TooManyRequests: { status: 429, meaning: 'Too many requests with a wrong token: wait as long as Retry-After says.' },
  NotFound: { status: 404, meaning: 'The object that the address names does not exist.' },
  AlreadyExists: { status: 400, meaning: 'An object of this name is there already (0.6.2 answers 400, not 409).' },
  MethodNotAllowed: { status: 405, meaning: 'The address exists, the method does not.' },
  Conflict: { status: 409, meaning: 'Another object declares the same thing; the older one is in effect.' },
  HeadMoved: { status: 412, meaning: 'The branch has moved since the expected commit; read again and retry.' },
  PreconditionFailed: {
    status: 412,
    meaning: 'What the request says of the version to change (If-Match, If-None-Match) does not hold any more.',
  },
  StageNotInShipyard: {
    status: 409,
    meaning: 'The project lists its stages in spec.shipyard; declare the stage there.',
  },
  ReservedUri: { status: 422, meaning: 'The URI belongs to Keptn itself and is written by another object.' },
  ReferenceMissing: { status: 404, meaning: 'The ConfigMap or Secret, or its key, does not exist yet.' },
  Rejected: { status: 422, meaning: 'The configuration-service refused the content for good; the message says why.' },
  ProjectNotReady: { status: 503, meaning: 'The Project of this object is not in Git yet.' },
  StageNotReady: { status: 503, meaning: 'A Stage that this object needs is not in Git yet.' },
  ServiceNotReady: { status: 503, meaning: 'The Service of this object is not in Git yet.' },
  ChartNotReady: { status: 503, meaning: 'A chart Resource of this Service is not in Git yet.' },
  UpstreamAway: { status: 503, meaning: 'The upstream does not answer; commits are kept and pushed later.' },
  UpstreamUnauthorized: { status: 400, meaning: 'The upstream does not accept the user and token: give others.' },
  UpstreamNotFound: { status: 400, meaning: 'The upstream has no such repository, or hides it from this user.' },
  UpstreamRejected: {
    status: 400,
    meaning: 'A rule of the upstream refuses the push (a protected branch, a hook): change it there; commits are kept.',
  },
  Unavailable: { status: 503, meaning: 'A part that is needed does not answer; the work is retried.' },
  Internal: { status: 500, meaning: 'A bug: the log has the stack.' },
} as const satisfies Record<string, { status: number; meaning: string }>;

export type Code = keyof typeof codes;

export const isCode = (text: string): text is Code => text in codes;
