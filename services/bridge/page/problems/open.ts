/** Problems that monitoring has told of: events of one problem, folded into whether it is open. */
import { signal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { eventTypes, textIn, type KeptnEvent } from '../../../../lib/events/event.ts';
import { problemTypes } from '../../../../lib/events/problem.ts';
import { findEvents } from '../api/events.ts';
import { onEvent } from '../api/live.ts';
import { childOf, lineOf, titleOf } from '../parts/names.ts';

/** What tells how far the remediation of a problem is. */
const remedyTypes: readonly string[] = [
  eventTypes.actionTriggered,
  eventTypes.remediationFinished,
  eventTypes.remediationEscalated,
  eventTypes.remediationClosed,
];
export const shownTypes: readonly string[] = [...problemTypes, ...remedyTypes];

export interface FoundProblem {
  id: string;
  title: string;
  isOpen: boolean;
  project: string;
  stage: string;
  service: string;
  /** When it was told of first, and last. */
  since: string;
  last: string;
  keptnContext: string;
  details: string;
  /** What is done about it, in a sentence; empty: nothing. */
  remedy: string;
}

/** Newest first. `events`: in any order. */
export function problemsIn(events: readonly KeptnEvent[]): FoundProblem[] {
  const problems = new Map<string, FoundProblem>();
  for (const event of events.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time))) {
    const { data, time, type, shkeptncontext } = event;
    if (remedyTypes.includes(type)) {
      const known = problems.get(textIn(childOf(data, 'problem'), 'PID') ?? '');
      if (known) known.remedy = `${titleOf(event)}: ${lineOf(event)}`;
    }
    if (!problemTypes.includes(type)) continue;
    const id = textIn(data, 'PID') || textIn(data, 'ProblemID') || shkeptncontext;
    const state = textIn(data, 'State')?.toUpperCase();
    const before = problems.get(id);
    problems.set(id, {
      id,
      title: textIn(data, 'ProblemTitle') || textIn(data, 'problem') || before?.title || 'A problem without a title',
      isOpen: !(type.endsWith('.close') || state === 'RESOLVED' || state === 'CLOSED'),
      project: textIn(data, 'project') ?? before?.project ?? '',
      stage: textIn(data, 'stage') ?? before?.stage ?? '',
      service: textIn(data, 'service') ?? before?.service ?? '',
      since: before?.since ?? time,
      last: time,
      keptnContext: before?.keptnContext ?? shkeptncontext,
      details: detailsIn(data) || before?.details || '',
      remedy: before?.remedy ?? '',
    });
  }
  return [...problems.values()].sort((a, b) => Date.parse(b.last) - Date.parse(a.last));
}

function detailsIn(data: unknown): string {
  if (typeof data !== 'object' || data === null || !('ProblemDetails' in data)) return '';
  const { ProblemDetails: details } = data;
  return typeof details === 'string' ? details : (JSON.stringify(details) ?? '');
}

/** The newest events about problems and what is done, of a project or of all. */
export async function readProblems(project: string | undefined, signal?: AbortSignal): Promise<KeptnEvent[]> {
  const pages = await Promise.all(shownTypes.map((type) => findEvents({ type, project }, undefined, signal)));
  return pages.flatMap(({ items }) => items);
}

/** The open problems of a project, live; empty while they are not known. */
export function useOpenProblems(project: string): Signal<FoundProblem[]> {
  const found = useMemo(() => signal<FoundProblem[]>([]), [project]);
  useEffect(() => {
    const stop = new AbortController();
    let events: KeptnEvent[] = [];
    const show = (more: readonly KeptnEvent[]): void => {
      events = [...events, ...more];
      found.value = problemsIn(events).filter(({ isOpen }) => isOpen);
    };
    // The overview is of use without them.
    readProblems(project, stop.signal).then(show, () => undefined);
    const leave = onEvent((event) => {
      if (problemTypes.includes(event.type) && textIn(event.data, 'project') === project) show([event]);
    });
    return () => {
      stop.abort();
      leave();
    };
  }, [project]);
  return found;
}
