/** What to do once Keptn is there: where the Bridge is, and how the command line gets to it. */
import { z } from 'zod';
import { secretNames } from '../../lib/installation/installation.ts';
import { services } from '../../lib/installation/places.ts';
import type { Keptn } from '../../lib/model/keptn.ts';
import { authenticate } from '../authenticate.ts';
import type { Trace } from '../client.ts';
import type { Cluster } from '../cluster.ts';
import { CliError } from '../errors.ts';
import type { Column } from '../output.ts';

export interface NextStep {
  step: string;
  how: string;
}

export const nextColumns: readonly Column<NextStep>[] = [
  { title: 'NEXT', of: ({ step }) => step },
  { title: 'HOW', of: ({ how }) => how },
];

/** Public address of the api; undefined where only kubectl port-forward leads to it. */
export const endpointOf = ({ status }: Keptn): string | undefined =>
  status?.url === undefined || status.domain === undefined ? undefined : `https://api.keptn.${status.domain}`;

export function nextSteps(keptn: Keptn): NextStep[] {
  const { namespace } = keptn.metadata;
  const token = `kubectl get secret -n ${namespace} ${secretNames.token} -o jsonpath='{.data.${secretNames.token}}' | base64 -d`;
  const forward = (service: string, ports: string): string =>
    `kubectl port-forward -n ${namespace} service/${service} ${ports}`;
  const endpoint = endpointOf(keptn);
  const auth = `keptn auth --endpoint=${endpoint ?? 'http://localhost:8080'} --api-token="$(${token})"`;
  return [
    { step: 'the Bridge', how: keptn.status?.url ?? `http://localhost:3000 with ${forward('bridge', '3000:8080')}` },
    ...(endpoint === undefined ? [{ step: 'a way to the api', how: forward(services.api, '8080:8080') }] : []),
    { step: 'the token', how: token },
    { step: 'the command line', how: auth },
  ];
}

const secretSchema = z.object({ data: z.object({ [secretNames.token]: z.base64() }) });

/** `keptn auth` with the token of the installation. */
export async function authenticateAt(cluster: Cluster, keptn: Keptn, trace: Trace): Promise<void> {
  const endpoint = endpointOf(keptn);
  if (endpoint === undefined) {
    const next = `${nextSteps(keptn)[1]?.how ?? ''}, and keptn auth --endpoint=http://localhost:8080`;
    throw new CliError('failed', `--auth: the api has no public address: ${next}`);
  }
  const metadata = { name: secretNames.token, namespace: cluster.namespace };
  const secret = secretSchema.parse(await cluster.objects.read({ apiVersion: 'v1', kind: 'Secret', metadata }));
  const token = Buffer.from(secret.data[secretNames.token], 'base64').toString('utf8');
  await authenticate({ endpoint, token }, trace);
}
