/** Istio as an installation wants it: the releases of its three charts, in their order, and the Gateway that the hosts are bound to. */
import { createHash } from 'node:crypto';
import type { IstioSpec, KeptnSpec } from '../model/keptn.ts';
import { labelsOf, type KubeObject } from './installation.ts';

export const ISTIO = 'istio';
export const ISTIO_NAMESPACE = 'istio-system';
export const ISTIOD = 'istiod';
/** The ServiceAccount, beside the operator, by whose rights Istio is installed. */
export const ISTIO_INSTALLER = 'keptn-istio-installer';
export const PUBLIC_GATEWAY = { name: 'public-gateway', namespace: ISTIO_NAMESPACE } as const;

/** What the gateway chart calls all that it makes; Gateways choose its pods by `istio: ingressgateway`. */
const INGRESS_GATEWAY = 'istio-ingressgateway';
/** Where the gateway looks for the certificate of https, as 0.6.2 has it. */
const CERTIFICATE = 'istio-ingressgateway-certs';

export interface IstioRelease {
  name: string;
  namespace: string;
  /** Arguments of helm: which chart. */
  chart: readonly string[];
  values: Readonly<Record<string, unknown>>;
  /** Another one asks for an upgrade. */
  digest: string;
}

/** Names of ours: a release of these is never somebody else's. */
export const istioReleaseNames = {
  base: 'keptn-istio-base',
  istiod: 'keptn-istiod',
  gateway: 'keptn-istio-ingressgateway',
} as const;

export function istioReleases({ repository, version, values }: IstioSpec): IstioRelease[] {
  const release = (chart: keyof typeof istioReleaseNames, defaults: Record<string, unknown> = {}): IstioRelease => {
    const all = { ...defaults, ...values?.[chart] };
    // Where it comes from is not part of it: a mirror has the same charts.
    const digest = createHash('sha256')
      .update(JSON.stringify([version, all]))
      .digest('hex')
      .slice(0, 16);
    const name = istioReleaseNames[chart];
    return { name, namespace: ISTIO_NAMESPACE, chart: chartAt(repository, chart, version), values: all, digest };
  };
  return [release('base'), release('istiod'), release('gateway', { name: INGRESS_GATEWAY })];
}

function chartAt(given: string, chart: string, version: string): string[] {
  const repository = given.replace(/\/+$/, '');
  if (repository.startsWith('/')) return [`${repository}/${chart}-${version}.tgz`];
  if (repository.startsWith('oci://')) return [`${repository}/${chart}`, '--version', version];
  return [chart, '--repo', repository, '--version', version];
}

/** As 0.6.2 has it; undefined where hosts are bound to another one. */
export function publicGateway({ ingress }: Pick<KeptnSpec, 'ingress'>): KubeObject | undefined {
  const { name, namespace } = PUBLIC_GATEWAY;
  if (ingress.gateway !== `${namespace}/${name}`) return undefined;
  const hosts = ['*'];
  const gateway = {
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'Gateway',
    metadata: { name, namespace, labels: labelsOf(ISTIO) },
    spec: {
      selector: { istio: INGRESS_GATEWAY.replace('istio-', '') },
      servers: [
        { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts },
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          hosts,
          tls: { mode: 'SIMPLE', credentialName: ingress.tlsSecret ?? CERTIFICATE },
        },
      ],
    },
  };
  return gateway;
}
