/** The lighthouse-service as a process of its own, with the environment of 0.6.2: `npm run lighthouse-service`. */
import { z } from 'zod';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { History } from '../../lib/history/client.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { providerInGit } from './configured/git.ts';
import type { ProjectProvider } from './configured/port.ts';
import { builtInProviders, lighthouseService } from './handler.ts';

const settings = placesSchema.extend({
  /** Of the built-in provider `prometheus`. */
  PROMETHEUS_URL: z.url().default('http://prometheus-service.monitoring.svc.cluster.local:8080'),
  /** Where the ConfigMaps `lighthouse-config-<project>` are. */
  KEPTN_NAMESPACE: z.string().min(1).default('keptn'),
  /** Set by Kubernetes in a pod; one of the two means that there is a cluster. */
  KUBERNETES_SERVICE_HOST: z.string().optional(),
  KUBECONFIG: z.string().optional(),
});

await runWith('lighthouse-service', settings, create, connectNatsBus);

async function create(given: z.output<typeof settings>) {
  const configuration = new Configuration(given.CONFIGURATION_SERVICE, 'keptn-lighthouse <lighthouse@keptn.sh>');
  const inGit = providerInGit(configuration);
  const inCluster = given.KUBERNETES_SERVICE_HOST !== undefined || given.KUBECONFIG !== undefined;
  return lighthouseService({
    configuration,
    history: new History(given.MONGODB_DATASTORE),
    providers: builtInProviders(configuration, given.PROMETHEUS_URL),
    projectProvider: inCluster ? await besideGit(inGit, given.KEPTN_NAMESPACE) : inGit,
  });
}

async function besideGit(inGit: ProjectProvider, namespace: string): Promise<ProjectProvider> {
  // The client takes 90 MB, which only a cluster needs.
  const { loadKubeConfig } = await import('../../lib/resources/kubernetes/store.ts');
  const { providerInCluster } = await import('./configured/cluster.ts');
  return providerInCluster(loadKubeConfig(), namespace, inGit);
}
