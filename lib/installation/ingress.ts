/** How the api and the Bridge are reached from outside, and the domain for whom it concerns. */
import type { V1ConfigMap, V1Ingress } from '@kubernetes/client-node';
import type { KeptnSpec } from '../model/keptn.ts';
import { labelsOf, type Component, type Installation, type KubeObject } from './installation.ts';
import { services } from './places.ts';

const NAME = 'ingress';

/** Public hosts, each with the Service behind it; the second name of the api is that of 0.6.2's command line. */
const hostsOf = (domain: string, { exposeBridge }: KeptnSpec['ingress']) => [
  { name: 'api', hosts: [`api.keptn.${domain}`, 'api.keptn'], service: services.api },
  ...(exposeBridge ? [{ name: 'bridge', hosts: [`bridge.keptn.${domain}`], service: 'bridge' }] : []),
];
const PORT = 8080;

/** Where people find the Bridge; undefined while no way leads in from outside. */
export function urlOf({ spec, ingress }: Installation): string | undefined {
  const { domain, ingress: wanted } = spec;
  return ingress === 'None' || domain === undefined || !wanted.exposeBridge
    ? undefined
    : `https://bridge.keptn.${domain}`;
}

export function ingressComponent(installation: Installation): Component {
  const { namespace, spec } = installation;
  const { domain } = spec;
  if (domain === undefined) {
    const note =
      'there are no public hosts, for spec.domain is not set: kubectl port-forward service/bridge 3000:8080 opens the Bridge';
    return { name: NAME, objects: [], note };
  }
  const config: V1ConfigMap & KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'keptn-domain', namespace, labels: labelsOf(NAME) },
    data: { app_domain: domain },
  };
  return { name: NAME, objects: [config, ...routesOf(installation, domain)] };
}

function routesOf({ namespace, spec, ingress }: Installation, domain: string): KubeObject[] {
  const { gateway, className, tlsSecret } = spec.ingress;
  const labels = labelsOf(NAME);
  switch (ingress) {
    case 'None':
      return [];
    case 'Istio':
      return hostsOf(domain, spec.ingress).map(({ name, hosts, service }) => ({
        apiVersion: 'networking.istio.io/v1beta1',
        kind: 'VirtualService',
        metadata: { name, namespace, labels },
        spec: {
          hosts,
          gateways: [gateway],
          http: [
            { route: [{ destination: { host: `${service}.${namespace}.svc.cluster.local`, port: { number: PORT } } }] },
          ],
        },
      }));
    case 'Gateway': {
      const [gatewayNamespace = '', gatewayName = ''] = gateway.split('/');
      return hostsOf(domain, spec.ingress).map(({ name, hosts, service }) => ({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name, namespace, labels },
        spec: {
          parentRefs: [{ name: gatewayName, namespace: gatewayNamespace }],
          hostnames: hosts,
          rules: [{ backendRefs: [{ name: service, port: PORT }] }],
        },
      }));
    }
    case 'Ingress': {
      const rules = hostsOf(domain, spec.ingress).flatMap(({ hosts, service }) =>
        hosts.map((host) => ({
          host,
          http: {
            paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: service, port: { number: PORT } } } }],
          },
        })),
      );
      const object: V1Ingress & KubeObject = {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'keptn', namespace, labels },
        spec: {
          ...(className !== undefined && { ingressClassName: className }),
          ...(tlsSecret !== undefined && {
            tls: [{ secretName: tlsSecret, hosts: rules.map(({ host }) => host) }],
          }),
          rules,
        },
      };
      return [object];
    }
  }
}
