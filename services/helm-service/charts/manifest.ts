/** What a chart renders to: the Services and Deployments in it, which is all that a generated chart is made of. */
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const labels = z.record(z.string(), z.string());
const metadata = z.looseObject({ name: z.string(), labels: labels.optional() });

const serviceSchema = z.looseObject({
  kind: z.literal('Service'),
  metadata,
  spec: z.looseObject({
    selector: labels.optional(),
    ports: z.array(z.looseObject({ port: z.int(), name: z.string().optional() })).optional(),
  }),
});
export type ServiceManifest = z.infer<typeof serviceSchema>;

const deploymentSchema = z.looseObject({
  kind: z.literal('Deployment'),
  metadata,
  spec: z.looseObject({
    selector: z.looseObject({ matchLabels: labels.optional() }),
    template: z.looseObject({ metadata: z.looseObject({ labels: labels.optional() }).optional() }),
  }),
});
export type DeploymentManifest = z.infer<typeof deploymentSchema>;

export interface Manifest {
  services: ServiceManifest[];
  deployments: DeploymentManifest[];
}

export function readManifest(text: string): Manifest {
  const objects = parseAllDocuments(text).map((document) => document.toJS() as unknown);
  return {
    services: objects.flatMap((object) => serviceSchema.safeParse(object).data ?? []),
    deployments: objects.flatMap((object) => deploymentSchema.safeParse(object).data ?? []),
  };
}
