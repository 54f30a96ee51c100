/** The spans of HTTP requests: those that we send, and those that come as part of a trace. */
import type { IncomingHttpHeaders } from 'node:http';
import { traced, traceparent, type SpanOptions } from './trace.ts';

export interface Request {
  /** Whom it goes to. */
  part: string;
  method: string;
  path: string;
  /** Where it is made for a keptn context of which nothing is in work. */
  context?: string | undefined;
}

/** `send` gets the headers by which the trace goes on. */
export function requesting<T extends { status: number }>(
  { part, method, path, context }: Request,
  send: (headers: Record<string, string>) => Promise<T>,
): Promise<T> {
  const attributes = { 'http.request.method': method, 'url.path': path, 'peer.service': part };
  return traced({ name: `${method} ${part}`, kind: 'client', context, attributes }, async (span) => {
    const parent = traceparent();
    const answer = await send(parent === undefined ? {} : { traceparent: parent });
    span.set({ 'http.response.status_code': answer.status });
    // That something is not there, or not taken, may be what was to be found out.
    if (answer.status >= 500) span.fail(`HTTP ${answer.status}`);
    return answer;
  });
}

/** A request that comes. What is in no trace begins none: probes and pages are no deliveries. */
export async function serving(
  { method, route, headers }: { method: string; route: string; headers: IncomingHttpHeaders },
  /** Gives the status, once it is answered. */
  answer: () => Promise<number>,
): Promise<void> {
  const [context, cause] = [headers['x-keptn-context'], headers['traceparent']].map((value) => value?.toString());
  const attributes = { 'http.request.method': method, 'http.route': route };
  const options: SpanOptions = { name: `${method} ${route}`, kind: 'server', context, cause, attributes };
  await traced(options, async (span) => {
    const status = await answer();
    span.set({ 'http.response.status_code': status });
    if (status >= 500) span.fail(`HTTP ${status}`);
  });
}
