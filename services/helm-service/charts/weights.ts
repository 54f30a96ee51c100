/** The weights in a generated chart, moved in place: whatever else its routes have, such as a fault for a test, stays. */
import { parseDocument } from 'yaml';
import { z } from 'zod';
import type { Chart } from './chart.ts';

const metadata = z.object({ name: z.string() });
const destination = z.object({ host: z.string() });
const virtualService = z.object({
  metadata,
  spec: z.object({ http: z.array(z.object({ route: z.array(z.object({ destination })) })) }),
});
const httpRoute = z.object({
  metadata,
  spec: z.object({ rules: z.array(z.object({ backendRefs: z.array(z.object({ name: z.string() })) })) }),
});

/** Where the weight of a backend stands in a file. */
interface Weighted {
  path: (string | number)[];
  backend: string;
}

/** `weight`: percent of the requests that the canary gets. */
export function withWeight(chart: Chart, weight: number): Chart {
  const files = [...chart.files].map(([path, content]): [string, string] => {
    if (path.endsWith('-istio-virtualservice.yaml')) return [path, moved(content, weight, inVirtualService)];
    if (path.endsWith('-httproute.yaml')) return [path, moved(content, weight, inHttpRoute)];
    return [path, content];
  });
  return { name: chart.name, files: new Map(files) };
}

function moved(
  content: string,
  weight: number,
  find: (object: unknown) => { name: string; backends: Weighted[] },
): string {
  const document = parseDocument(content);
  const { name, backends } = find(document.toJS());
  for (const { path, backend } of backends) {
    if (backend === `${name}-canary`) document.setIn([...path, 'weight'], weight);
    if (backend === `${name}-primary`) document.setIn([...path, 'weight'], 100 - weight);
  }
  return document.toString();
}

function inVirtualService(object: unknown): { name: string; backends: Weighted[] } {
  const { metadata: meta, spec } = virtualService.parse(object);
  const backends = spec.http.flatMap(({ route }, i) =>
    route.map(({ destination: { host } }, j) => ({
      path: ['spec', 'http', i, 'route', j],
      backend: host.split('.')[0] ?? '',
    })),
  );
  return { name: meta.name, backends };
}

function inHttpRoute(object: unknown): { name: string; backends: Weighted[] } {
  const { metadata: meta, spec } = httpRoute.parse(object);
  const backends = spec.rules.flatMap(({ backendRefs }, i) =>
    backendRefs.map(({ name }, j) => ({ path: ['spec', 'rules', i, 'backendRefs', j], backend: name })),
  );
  return { name: meta.name, backends };
}
