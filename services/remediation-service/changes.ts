/**
 * What an action changes in the charts of a service, and what takes it back. Each change carries a mark of its problem, so
 * that Git alone knows what is in effect: an action that is begun twice acts once, and its undoing undoes just this.
 */
import { createHash } from 'node:crypto';
import { type Document, isMap, isSeq, parseAllDocuments, parseDocument } from 'yaml';
import type { Problem } from '../../lib/events/problem.ts';
import { MARK } from '../helm-service/charts/remedies.ts';
import type { ChartAction } from './plan.ts';

/** By path below the chart's folder. */
type Files = ReadonlyMap<string, string>;

export interface Wanted {
  action: ChartAction;
  problem: Pick<Problem, 'id' | 'clientIp'>;
  /** Which of the actions for this problem it is, from 0. */
  nth: number;
  /** False: it is taken back. */
  begins: boolean;
}

export interface Changes {
  /** The files that differ afterwards. */
  changed: Record<string, string>;
  /** It is there already. */
  isInEffect: boolean;
}

const markOf = ({ problem, nth }: Wanted): string =>
  `${MARK}${createHash('sha256').update(problem.id).digest('hex').slice(0, 16)}-${nth}`;

/** Of the generated chart: replicas of its primary Deployments, and routes. */
export function changesOfTemplates(files: Files, wanted: Wanted): Changes {
  const changes: Changes = { changed: {}, isInEffect: false };
  for (const [path, content] of files) {
    if (!path.startsWith('templates/') || content.includes('{{')) continue;
    const documents = parseAllDocuments(content);
    if (!Array.isArray(documents)) continue;
    const outcomes = documents.map((document) => inTemplate(document, wanted));
    changes.isInEffect ||= outcomes.includes('in effect');
    if (outcomes.includes('changed')) changes.changed[path] = documents.map((one) => one.toString()).join('');
  }
  return changes;
}

/** Of a service's own chart, where that is what runs: `replicaCount` of its values. */
export function changesOfValues(files: Files, wanted: Wanted): Changes {
  const document = parseDocument(files.get('values.yaml') ?? '{}');
  const { action } = wanted;
  if (action.action !== 'scaling' || !Number.isInteger(document.get('replicaCount'))) {
    return { changed: {}, isInEffect: false };
  }
  const paths = { replicas: ['replicaCount'], mark: ['keptn', 'remediation', markOf(wanted)] };
  const outcome = scaled(document, action.value, paths, wanted.begins);
  return {
    changed: outcome === 'changed' ? { 'values.yaml': document.toString() } : {},
    isInEffect: outcome === 'in effect',
  };
}

type Outcome = 'changed' | 'in effect' | undefined;

function inTemplate(document: Document, wanted: Wanted): Outcome {
  const { action, begins } = wanted;
  const kind = document.get('kind');
  if (action.action !== 'scaling') return kind === 'VirtualService' ? routed(document, action, wanted) : undefined;
  if (kind !== 'Deployment') return undefined;
  const mark = ['metadata', 'annotations', `keptn.sh/${markOf(wanted)}`];
  return scaled(document, action.value, { replicas: ['spec', 'replicas'], mark }, begins);
}

function scaled(
  document: Document,
  by: number,
  { replicas, mark }: { replicas: string[]; mark: string[] },
  begins: boolean,
): Outcome {
  const done = Number(document.getIn(mark) ?? 0);
  const now = Number(document.getIn(replicas) ?? 1);
  if (!begins) {
    if (done === 0) return undefined;
    document.setIn(replicas, Math.max(0, now - done));
    document.deleteIn(mark);
    // What was made for it alone goes with it.
    for (let above = mark.slice(0, -1); isEmpty(document.getIn(above)); above = above.slice(0, -1))
      document.deleteIn(above);
    return 'changed';
  }
  if (done !== 0) return 'in effect';
  const wanted = Math.max(0, now + by);
  if (wanted === now) return undefined;
  document.setIn(replicas, wanted);
  document.setIn(mark, String(wanted - now));
  return 'changed';
}

const isEmpty = (node: unknown): boolean => isMap(node) && node.items.length === 0;

/** A route of its own, before the others, for the one who causes the problem. */
function routed(document: Document, action: Exclude<ChartAction, { action: 'scaling' }>, wanted: Wanted): Outcome {
  const name = markOf(wanted);
  const { clientIp } = wanted.problem;
  const routes = document.getIn(['spec', 'http']);
  if (!isSeq(routes)) return undefined;
  const at = routes.items.findIndex((route) => isMap(route) && route.get('name') === name);
  if (!wanted.begins) return routes.delete(at) ? 'changed' : undefined;
  if (at >= 0) return 'in effect';
  const last = routes.items.at(-1);
  if (!isMap(last) || clientIp === undefined) return undefined;
  const fault =
    action.action === 'slowdown'
      ? { delay: { fixedDelay: action.value, percentage: { value: 100 } } }
      : { abort: { httpStatus: 403, percentage: { value: 100 } } };
  const route = {
    name,
    match: [{ headers: { 'X-Forwarded-For': { exact: clientIp } } }],
    fault,
    route: document.createNode(last.get('route')),
  };
  routes.items.unshift(document.createNode(route));
  return 'changed';
}
