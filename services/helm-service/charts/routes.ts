/**
 * How traffic is told where to go, in one file of the generated chart for each Service: by Istio as in 0.6.2, by the Gateway
 * API, or not at all. Weights are moved by writing the file anew.
 */
import { stringify } from 'yaml';

export type Mesh = 'istio' | 'gateway-api' | 'none';

export interface Backend {
  /** Of a Kubernetes Service. */
  name: string;
  port: number;
  weight?: number;
}

export interface RouteSettings {
  mesh: Mesh;
  /** What the public hosts end in; empty: there are none. */
  domain: string;
  /** `namespace/name` of the Gateway that HTTPRoutes attach to. */
  gateway: string;
}

type Files = [path: string, content: string][];

/** The routes of a Service to its backends; of one without weight where there is but one. */
export function routesOf(
  name: string,
  namespace: string,
  backends: readonly Backend[],
  settings: RouteSettings,
): Files {
  const publicHost = settings.domain === '' ? [] : [`${name}.${namespace}.${settings.domain}`];
  switch (settings.mesh) {
    case 'istio':
      return [
        [`templates/${name}-istio-virtualservice.yaml`, virtualService(name, namespace, publicHost, backends)],
        ...backends.map((backend): [string, string] => [
          `templates/${backend.name}-istio-destinationrule.yaml`,
          destinationRule(backend.name, hostOf(backend.name, namespace)),
        ]),
      ];
    case 'gateway-api':
      return [[`templates/${name}-httproute.yaml`, httpRoute(name, publicHost, backends, settings.gateway)]];
    case 'none':
      return [];
  }
}

const hostOf = (service: string, namespace: string): string => `${service}.${namespace}.svc.cluster.local`;

function virtualService(
  name: string,
  namespace: string,
  publicHost: readonly string[],
  backends: readonly Backend[],
): string {
  const route = backends.map((backend) => ({
    destination: { host: hostOf(backend.name, namespace) },
    ...(backend.weight !== undefined && { weight: backend.weight }),
  }));
  return stringify({
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'VirtualService',
    metadata: { name },
    spec: {
      gateways: ['public-gateway.istio-system', 'mesh'],
      hosts: [...publicHost, name],
      http: [{ route }],
    },
  });
}

function destinationRule(name: string, host: string): string {
  return stringify({
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'DestinationRule',
    metadata: { name },
    spec: { host },
  });
}

function httpRoute(name: string, hostnames: readonly string[], backends: readonly Backend[], gateway: string): string {
  const [namespace, parent] = gateway.split('/');
  return stringify({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name },
    spec: {
      parentRefs: [{ name: parent, namespace }],
      ...(hostnames.length > 0 && { hostnames }),
      rules: [{ backendRefs: backends.map(({ name: to, port, weight = 100 }) => ({ name: to, port, weight })) }],
    },
  });
}
