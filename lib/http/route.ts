/**
 * A route is declared: its schemas say what it takes and gives, and from them come the types of its handler, the checks
 * at the boundary and the OpenAPI document.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Request, Response } from 'express';
import type { z } from 'zod';

export type Method = 'get' | 'post' | 'put' | 'delete';

/** Status to the schema of the body; null: no body. */
type Answers = Record<number, z.ZodType | null>;

interface Shapes {
  params: z.ZodType;
  query: z.ZodType;
  body: z.ZodType;
}

/** What a handler gets: checked. */
export interface Input<S extends Shapes> {
  params: z.output<S['params']>;
  query: z.output<S['query']>;
  body: z.output<S['body']>;
  headers: IncomingHttpHeaders;
}

/** What a handler gives: one of the declared answers. */
export type Answer<A extends Answers> = {
  [Status in keyof A]: {
    status: Status;
    headers?: Record<string, string>;
  } & (A[Status] extends z.ZodType ? { body: z.input<A[Status]> } : { body?: never });
}[keyof A];

export interface Declaration<S extends Shapes = Shapes, A extends Answers = Answers> {
  method: Method;
  /** As OpenAPI has it: `/project/{projectName}`. */
  path: string;
  tag: string;
  summary: string;
  params?: S['params'];
  query?: S['query'];
  /** Request headers that mean something here, for the document. */
  headers?: Readonly<Record<string, string>>;
  /** `name` is what it is called in refusals. */
  body?: { name: string; schema: S['body'] };
  answers: A;
  handle(input: Input<S>): Promise<Answer<A>>;
}

export interface JsonRoute extends Declaration {
  kind: 'json';
}

/** A route that reads the request and writes the answer itself; the body is not parsed. Not in the document. */
export interface StreamRoute {
  kind: 'stream';
  method: Method;
  /** As express has it. */
  path: string;
  handle(request: Request, response: Response): Promise<void> | void;
}

export type Route = JsonRoute | StreamRoute;

/** Takes the declaration with its types, which a list of routes forgets. */
export function route<
  A extends Answers,
  P extends z.ZodType = z.ZodObject<Record<never, never>>,
  Q extends z.ZodType = z.ZodObject<Record<never, never>>,
  B extends z.ZodType = z.ZodUndefined,
>(declaration: Declaration<{ params: P; query: Q; body: B }, A>): Route {
  // A handler takes what its own schemas give, and createApp gives it nothing else.
  return { ...declaration, kind: 'json' } as unknown as JsonRoute;
}

export function stream(method: Method, path: string, handle: StreamRoute['handle']): Route {
  return { kind: 'stream', method, path, handle };
}

/** An answer of a handler: the status as its own type, by which the body is checked. */
export function answer<const Status extends number>(status: Status): { status: Status };
export function answer<const Status extends number, Rest extends object>(
  status: Status,
  rest: Rest,
): { status: Status } & Rest;
export function answer(status: number, rest: object = {}): object {
  return { status, ...rest };
}
