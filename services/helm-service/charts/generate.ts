/**
 * The generated chart that stands beside a service's own: for `direct` the routes to it, for `duplicate` the primary, made
 * from what the service's chart (the canary) renders to, two Services and the routes with their weights.
 */
import { stringify } from 'yaml';
import { generatedName, type Chart, type Strategy } from './chart.ts';
import type { DeploymentManifest, Manifest, ServiceManifest } from './manifest.ts';
import { routesOf, type Backend, type RouteSettings } from './routes.ts';

export interface Generation {
  service: string;
  namespace: string;
  strategy: Strategy;
  routes: RouteSettings;
}

/** With no templates: what is deployed first decides what they are. */
export function emptyChart(service: string, strategy: Strategy): Chart {
  const meta = {
    apiVersion: 'v1',
    name: generatedName(service),
    version: '0.1.0',
    keywords: [`deployment_strategy=${strategy}`],
  };
  return { name: generatedName(service), files: new Map([['Chart.yaml', stringify(meta)]]) };
}

/** `weight`: percent of the requests that the canary gets; the primary gets the rest. */
export function generatedChart(manifest: Manifest, weight: number, generation: Generation): Chart {
  const { service, namespace, strategy, routes } = generation;
  const { name, files } = emptyChart(service, strategy);
  const templates = new Map(files);
  for (const one of manifest.services) {
    if (strategy === 'duplicate') addServices(templates, one);
    addRoutes(templates, one, namespace, strategy === 'duplicate' ? weight : undefined, routes);
  }
  if (strategy === 'duplicate') {
    for (const one of manifest.deployments) {
      const content = stringify(primaryOf(one)).replaceAll('keptn_deployment=canary', 'keptn_deployment=primary');
      templates.set(`templates/${one.metadata.name}-primary-deployment.yaml`, literal(content));
    }
  }
  return { name, files: templates };
}

function addServices(files: Map<string, string>, service: ServiceManifest): void {
  for (const role of ['canary', 'primary'] as const) {
    const { metadata, spec } = service;
    const name = `${metadata.name}-${role}`;
    const { selector, clusterIP, clusterIPs, loadBalancerIP, externalIPs, ports, ...rest } = spec;
    // Given by the cluster to one Service alone.
    void [clusterIP, clusterIPs, loadBalancerIP, externalIPs];
    const copy = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, ...(metadata.labels && { labels: metadata.labels }) },
      spec: {
        ...rest,
        ports: ports?.map(({ nodePort, ...port }) => (void nodePort, port)),
        selector: role === 'primary' ? asPrimary(selector) : selector,
      },
    };
    files.set(`templates/${name}-service.yaml`, literal(stringify(copy)));
  }
}

function addRoutes(
  files: Map<string, string>,
  { metadata: { name }, spec }: ServiceManifest,
  namespace: string,
  weight: number | undefined,
  settings: RouteSettings,
): void {
  const port = spec.ports?.[0]?.port ?? 80;
  const backends: Backend[] =
    weight === undefined
      ? [{ name, port }]
      : [
          { name: `${name}-canary`, port, weight },
          { name: `${name}-primary`, port, weight: 100 - weight },
        ];
  for (const [path, content] of routesOf(name, namespace, backends, settings)) files.set(path, content);
}

function primaryOf({ metadata, spec }: DeploymentManifest): object {
  const { namespace, ...kept } = metadata;
  void namespace;
  const { selector, template } = spec;
  const { metadata: podMetadata = {} } = template;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...kept, name: `${metadata.name}-primary` },
    spec: {
      ...spec,
      selector: { ...selector, matchLabels: asPrimary(selector.matchLabels) },
      template: { ...template, metadata: { ...podMetadata, labels: asPrimary(podMetadata.labels) } },
    },
  };
}

/** By which labels the pods of the primary are told from those of the canary. */
export function asPrimary(labels: Record<string, string> | undefined): Record<string, string> | undefined {
  if (!labels) return undefined;
  const changed = { ...labels };
  for (const key of ['app', 'app.kubernetes.io/name']) {
    if (changed[key] !== undefined) changed[key] = `${changed[key]}-primary`;
  }
  if (changed['keptn_deployment'] === 'canary') changed['keptn_deployment'] = 'primary';
  return changed;
}

/** Rendered once already: helm must not take its braces for templates, and the file stays YAML. */
const literal = (content: string): string => content.replaceAll('{{', '{{`{{`}}');
