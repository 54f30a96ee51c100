/**
 * What happens now: one stream of events for the whole page. It comes back by itself, and tells those who listen that they may
 * have missed something. A tab that nobody sees gives its connection back, since a browser has but six for a server.
 */
import { signal } from '@preact/signals';
import { createParser } from 'eventsource-parser';
import { eventSchema } from './events.ts';
import { messageOf } from '../../../../lib/errors/classes.ts';
import type { KeptnEvent } from '../../../../lib/events/event.ts';
import { ApiError } from './client.ts';

export type LiveState = 'connecting' | 'live' | 'away';
export const live = signal<LiveState>('connecting');
/** Why it is not live. */
export const liveProblem = signal('');
/** Counts the times that something may have been missed: whoever shows what is reads it again then. */
export const gaps = signal(0);

type Listener = (event: KeptnEvent) => void;
const listeners = new Set<Listener>();

const RETRY_MS = { first: 500, last: 10_000 };
const HIDDEN_MS = 15_000;
/** The server says something every 15 s. */
const SILENCE_MS = 40_000;

/** Gives back how to stop. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Until the returned function is called. */
export function startLive(): () => void {
  const stopped = new AbortController();
  void keepAlive(stopped.signal);
  return () => stopped.abort();
}

async function keepAlive(stopped: AbortSignal): Promise<void> {
  let wasLive = false;
  for (let failures = 0; !stopped.aborted;) {
    await untilVisible();
    const isOver = new AbortController();
    const unwatch = abortWhenHidden(isOver);
    try {
      await readStream(AbortSignal.any([stopped, isOver.signal]), () => {
        live.value = 'live';
        failures = 0;
        if (wasLive) gaps.value += 1;
        wasLive = true;
      });
      liveProblem.value = 'the connection ended';
    } catch (error) {
      if (!isOver.signal.aborted) liveProblem.value = messageOf(error);
    } finally {
      unwatch();
    }
    if (stopped.aborted) return;
    if (isOver.signal.aborted && document.hidden) continue;
    live.value = 'away';
    failures += 1;
    const pause = Math.min(RETRY_MS.first * 2 ** (failures - 1), RETRY_MS.last);
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
  }
}

async function readStream(signal: AbortSignal, onOpen: () => void): Promise<void> {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), SILENCE_MS);
  const response = await fetch('/v1/events', { signal: AbortSignal.any([signal, silent.signal]) });
  if (!response.ok || !response.body) throw new ApiError(response.status, `no live events: HTTP ${response.status}`);
  onOpen();
  const parser = createParser({
    onEvent({ data }) {
      const parsed = eventSchema.safeParse(jsonOf(data));
      if (!parsed.success) return;
      for (const listener of listeners) listener(parsed.data);
    },
  });
  try {
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_MS);
      parser.feed(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function untilVisible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
  });
}

function abortWhenHidden(controller: AbortController): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => controller.abort(), HIDDEN_MS);
  };
  document.addEventListener('visibilitychange', look);
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
  };
}
