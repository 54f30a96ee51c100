/** What the remediation-service has put into a generated chart, by its marks: a new version of the primary keeps it. */
import { type Document, isMap, isSeq, parseDocument } from 'yaml';
import { z } from 'zod';
import type { Chart } from './chart.ts';

/** Begins the name of a route, and, behind `keptn.sh/`, of a Deployment's annotation with the replicas that it added. */
export const MARK = 'problem-';

const marked = z.object({ metadata: z.object({ annotations: z.record(z.string(), z.string()) }) });

export function withRemedies(chart: Chart, before: Chart | undefined): Chart {
  const files = [...chart.files].map(([path, content]): [string, string] => {
    const old = path.startsWith('templates/') ? before?.files.get(path) : undefined;
    if (!old?.includes(MARK) || content.includes('{{')) return [path, content];
    const document = parseDocument(content);
    keepReplicas(document, parseDocument(old));
    keepRoutes(document, parseDocument(old));
    return [path, document.toString()];
  });
  return { name: chart.name, files: new Map(files) };
}

function keepReplicas(document: Document, old: Document): void {
  const { data } = marked.safeParse(old.toJS());
  for (const [name, added] of Object.entries(data?.metadata.annotations ?? {})) {
    if (document.get('kind') !== 'Deployment' || !name.startsWith(`keptn.sh/${MARK}`)) continue;
    const path = ['spec', 'replicas'];
    document.setIn(path, Math.max(0, Number(document.getIn(path) ?? 1) + Number(added)));
    document.setIn(['metadata', 'annotations', name], added);
  }
}

function keepRoutes(document: Document, old: Document): void {
  const [routes, known] = [document, old].map((one) => one.getIn(['spec', 'http']));
  if (!isSeq(routes) || !isSeq(known)) return;
  const kept = known.items.filter((route) => {
    const name = isMap(route) ? route.get('name') : undefined;
    return typeof name === 'string' && name.startsWith(MARK);
  });
  routes.items.unshift(...kept);
}
