/** The weights in a generated chart, moved in place: whatever else its routes have, such as a fault for a test, stays. */
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { Chart } from './chart.ts';

const metadata = z.looseObject({ name: z.string() });
const virtualService = z.looseObject({
  metadata,
  spec: z.looseObject({
    http: z.array(
      z.looseObject({
        route: z.array(
          z.looseObject({ destination: z.looseObject({ host: z.string() }), weight: z.number().optional() }),
        ),
      }),
    ),
  }),
});
const httpRoute = z.looseObject({
  metadata,
  spec: z.looseObject({
    rules: z.array(
      z.looseObject({ backendRefs: z.array(z.looseObject({ name: z.string(), weight: z.number().optional() })) }),
    ),
  }),
});

/** `weight`: percent of the requests that the canary gets. */
export function withWeight(chart: Chart, weight: number): Chart {
  const files = [...chart.files].map(([path, content]): [string, string] => {
    if (path.endsWith('-istio-virtualservice.yaml')) return [path, moveIstio(content, weight)];
    if (path.endsWith('-httproute.yaml')) return [path, moveHttpRoute(content, weight)];
    return [path, content];
  });
  return { name: chart.name, files: new Map(files) };
}

function moveIstio(content: string, weight: number): string {
  const object = virtualService.parse(parse(content));
  const { name } = object.metadata;
  for (const { route } of object.spec.http) {
    for (const one of route) one.weight = weightOf(name, one.destination.host.split('.')[0], weight) ?? one.weight;
  }
  return stringify(object);
}

function moveHttpRoute(content: string, weight: number): string {
  const object = httpRoute.parse(parse(content));
  const { name } = object.metadata;
  for (const { backendRefs } of object.spec.rules) {
    for (const one of backendRefs) one.weight = weightOf(name, one.name, weight) ?? one.weight;
  }
  return stringify(object);
}

function weightOf(service: string, backend: string | undefined, weight: number): number | undefined {
  if (backend === `${service}-canary`) return weight;
  return backend === `${service}-primary` ? 100 - weight : undefined;
}
