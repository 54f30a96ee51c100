/** Sends one request of a plan and judges the answer. */
import { messageOf } from '../../../lib/errors/classes.ts';
import type { Sample } from '../measure.ts';
import type { Step } from './plan.ts';
import type { Filling } from './template.ts';

/** The cookies of one user, by host. */
export class Cookies {
  readonly #hosts = new Map<string, Map<string, string>>();

  addTo(headers: Headers, { hostname }: URL): void {
    const cookies = this.#hosts.get(hostname);
    if (!cookies?.size) return;
    headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
  }

  take(headers: Headers, { hostname }: URL): void {
    for (const line of headers.getSetCookie()) {
      const [, name, value = ''] = /^\s*([^=;\s]+)=([^;]*)/.exec(line) ?? [];
      if (name === undefined) continue;
      const cookies = this.#hosts.get(hostname) ?? new Map<string, string>();
      this.#hosts.set(hostname, cookies);
      if (value === '' || /;\s*max-age=0\b/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
  }
}

/** Never rejects for what the service does; with the reason of the signal when that aborts. */
export async function send(step: Step, filling: Filling, cookies: Cookies, signal: AbortSignal): Promise<Sample> {
  const startedAt = Date.now();
  const begun = performance.now();
  let url = '';
  let code = '';
  let reason: string | undefined;
  try {
    url = step.request.url(filling);
    const answer = await ask(step, new URL(url), filling, cookies, signal);
    code = String(answer.status);
    reason = problemOf(step, answer, filling);
  } catch (error) {
    signal.throwIfAborted();
    reason = `${url}: ${messageOf(error)}`;
  }
  return {
    startedAt,
    elapsedMs: Math.round(performance.now() - begun),
    label: step.request.name,
    success: reason === undefined,
    code,
    reason: reason ?? '',
    thread: String(filling.threadNumber),
    url,
  };
}

interface Answer {
  status: number;
  /** Empty where nothing is expected of it. */
  body: string;
}

async function ask(step: Step, url: URL, filling: Filling, cookies: Cookies, signal: AbortSignal): Promise<Answer> {
  const { request, assertions } = step;
  const late = new AbortController();
  const stop = (): void => late.abort(signal.reason);
  const { timeoutMs } = request;
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  // Not AbortSignal.any, which would grow with the number of requests.
  signal.addEventListener('abort', stop);
  try {
    signal.throwIfAborted();
    const headers = request.headers(filling);
    if (request.cookies) cookies.addTo(headers, url);
    const response = await fetch(url, {
      method: request.method(filling).toUpperCase(),
      headers,
      body: request.body(filling) ?? null,
      redirect: request.followRedirects ? 'follow' : 'manual',
      signal: late.signal,
    });
    if (request.cookies) cookies.take(response.headers, url);
    if (assertions.some(({ field }) => field === 'body'))
      return { status: response.status, body: await response.text() };
    // The connection is free when the answer has been read, which need not be kept.
    await response.body?.pipeTo(new WritableStream(), { signal: late.signal });
    return { status: response.status, body: '' };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function problemOf({ assertions }: Step, { status, body }: Answer, filling: Filling): string | undefined {
  if ((status < 200 || status > 399) && !assertions.some(({ assumeSuccess }) => assumeSuccess)) {
    const expected = assertions
      .map((one) => one.field === 'code' && one.problem(String(status), filling))
      .find(Boolean);
    return expected || `the service answered ${status}`;
  }
  for (const { field, problem } of assertions) {
    const found = problem(field === 'code' ? String(status) : body, filling);
    if (found !== undefined) return found;
  }
  return undefined;
}
