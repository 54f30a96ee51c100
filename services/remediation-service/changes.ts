/**
 * What an action changes in the generated chart, and what takes it back. Each change carries the problem's mark, so that
 * Git alone knows what is in effect: a problem that is told twice acts once, and its end undoes just what was done for it.
 */
import { createHash } from 'node:crypto';
import { type Document, isMap, isSeq, parseAllDocuments } from 'yaml';
import type { Action } from './plan.ts';
import type { Problem } from './problem.ts';

/** By path below the chart's folder. */
type Files = ReadonlyMap<string, string>;

const markOf = ({ id }: Problem): string => `problem-${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;

/** The files that differ afterwards. */
export function changesFor(action: Action, problem: Problem, files: Files): Record<string, string> {
  const change = action.action === 'scaling' ? scaled(action.value, problem) : routed(action, problem);
  const changed: Record<string, string> = {};
  for (const [path, content] of files) {
    if (!path.startsWith('templates/') || content.includes('{{')) continue;
    const documents = parseAllDocuments(content);
    if (!Array.isArray(documents) || documents.every((document) => !change(document))) continue;
    changed[path] = documents.map((document) => document.toString()).join('');
  }
  return changed;
}

/** True when the document has been changed. */
type Change = (document: Document) => boolean;

function scaled(by: number, problem: Problem): Change {
  const mark = ['metadata', 'annotations', `keptn.sh/${markOf(problem)}`];
  return (document) => {
    if (document.get('kind') !== 'Deployment') return false;
    const done = Number(document.getIn(mark) ?? 0);
    if (problem.isOpen === (done !== 0)) return false;
    const now = Number(document.getIn(['spec', 'replicas']) ?? 1);
    if (!problem.isOpen) {
      document.setIn(['spec', 'replicas'], Math.max(0, now - done));
      document.deleteIn(mark);
      return true;
    }
    const wanted = Math.max(0, now + by);
    if (wanted === now) return false;
    document.setIn(['spec', 'replicas'], wanted);
    document.setIn(mark, String(wanted - now));
    return true;
  };
}

/** A route of its own, before the others, for the one who causes the problem. */
function routed(action: Action, problem: Problem): Change {
  const name = markOf(problem);
  return (document) => {
    const routes = document.getIn(['spec', 'http']);
    if (document.get('kind') !== 'VirtualService' || !isSeq(routes)) return false;
    const at = routes.items.findIndex((route) => isMap(route) && route.get('name') === name);
    if (problem.isOpen === at >= 0) return false;
    if (!problem.isOpen) return routes.delete(at);
    const last = routes.items.at(-1);
    if (!isMap(last) || problem.clientIp === undefined) return false;
    const fault =
      action.action === 'slowdown'
        ? { delay: { fixedDelay: action.value, percentage: { value: 100 } } }
        : { abort: { httpStatus: 403, percentage: { value: 100 } } };
    const route = {
      name,
      match: [{ headers: { 'X-Forwarded-For': { exact: problem.clientIp } } }],
      fault,
      route: document.createNode(last.get('route')),
    };
    routes.items.unshift(document.createNode(route));
    return true;
  };
}
