/** service.create: the chart that came with it, and beside it an empty generated chart that names the strategy of each stage. */
import { z } from 'zod';
import { isDuplicate, readShipyard } from '../../lib/configuration/shipyard.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { dnsLabel } from '../../lib/model/names.ts';
import type { Context } from '../../lib/service/service.ts';
import { chartUri, generatedName, writeChart, type Strategy } from './charts/chart.ts';
import { emptyChart } from './charts/generate.ts';
import { addToUmbrella } from './charts/umbrella.ts';
import { namespaceOf, type HelmParts, type Slot } from './target.ts';

const strategies = z.record(z.string(), z.enum(['direct', 'duplicate']));

export const serviceCreate = z.object({
  project: dnsLabel,
  service: dnsLabel,
  helmChart: z
    .base64()
    .nullish()
    .transform((text) => text ?? ''),
  deploymentStrategies: strategies.nullish().transform((map) => map ?? {}),
});
type Creation = KeptnEvent & { data: z.infer<typeof serviceCreate> };

export async function onboard(parts: HelmParts, event: Creation, { log }: Context): Promise<void> {
  const { configuration, deployer } = parts;
  const { project, service, helmChart, deploymentStrategies } = event.data;
  const shipyard = await readShipyard(configuration, project);
  const cause = { context: event.shkeptncontext };
  for (const { name: stage, ...rest } of shipyard) {
    const place = { project, stage, service };
    await configuration.ensureService(project, stage, service, cause);
    if (helmChart !== '') {
      await configuration.write(place, chartUri(service), Buffer.from(helmChart, 'base64'), cause);
    } else if (!(await configuration.has(place, chartUri(service)))) continue;
    const strategy =
      strategyFor(deploymentStrategies, stage) ?? (isDuplicate({ name: stage, ...rest }) ? 'duplicate' : 'direct');
    if (!(await configuration.has(place, chartUri(generatedName(service))))) {
      await writeChart(configuration, place, emptyChart(service, strategy), cause);
    }
    await addToUmbrella(configuration, { project, stage }, service, cause);
    const injected = strategy === 'duplicate' && (await deployer.mesh()) === 'istio';
    await deployer.ensureNamespace(namespaceOf(place), injected);
    log.info(`Service ${service} is ready for its first delivery to ${stage} (${strategy})`);
  }
  // The operator tells of the services that are declared to it.
  if (event.source !== 'keptn-operator') log.last(`Service ${service} created`);
}

function strategyFor(given: Readonly<Record<string, Strategy>>, stage: string): Strategy | undefined {
  return given[stage] ?? given['*'];
}

/** As the service was onboarded for the stage, where that said anything of it. */
export async function strategyGiven(
  { history }: HelmParts,
  { project, stage, service }: Slot,
): Promise<Strategy | undefined> {
  const created = await history.newest({ project, service, type: eventTypes.serviceCreate });
  return strategyFor(serviceCreate.safeParse(created?.data).data?.deploymentStrategies ?? {}, stage);
}
