/** Brings an artifact, or other changes of its chart, into a stage: written to Git first, undone there when it failed. */
import { commitOf } from '../../lib/configuration/versioned.ts';
import type { History } from '../../lib/history/client.ts';
import { hasPassed } from '../../lib/delivery/stage.ts';
import { eventTypes, textIn } from '../../lib/events/event.ts';
import { imageIn, withFiles, withValues } from './charts/changes.ts';
import { generatedName, hasTemplates, readChart, writeChart, type Chart } from './charts/chart.ts';
import { generatedChart } from './charts/generate.ts';
import { readManifest } from './charts/manifest.ts';
import { withWeight } from './charts/weights.ts';
import { RolloutFailed, type Release, type Watching } from './deployer/port.ts';
import { generatedRelease, namespaceOf, ownRelease, placeOf, type HelmParts, type Target } from './target.ts';
import { direct } from './traffic.ts';

export interface Changes {
  values?: Readonly<Record<string, unknown>> | undefined;
  files?: Readonly<Record<string, string>> | undefined;
}

/** Changes the service's own chart, as it was read (`own`), and rolls it out; the commit that has it, and the image that runs then. */
export async function deploy(
  parts: HelmParts,
  target: Target,
  own: Chart | undefined,
  changes: Changes,
  watching: Watching,
): Promise<{ commit: string; image: string }> {
  const before = present(own, target);
  const changed = withFiles(withValues(before, changes.values ?? {}), changes.files ?? {}, 'fileChangesUserChart');
  return { commit: await rollOut(parts, target, before, changed, watching), image: imageIn(changed) };
}

/** Rolls out the chart of a commit again; the commit that has it now. */
export async function restore(parts: HelmParts, target: Target, commit: string, watching: Watching): Promise<string> {
  const [before, wanted] = [await ownChart(parts, target), await ownChart(parts, target, commit)];
  return rollOut(parts, target, before, wanted, watching);
}

export async function ownChart({ configuration }: HelmParts, target: Target, commit?: string): Promise<Chart> {
  return present(await readChart(configuration, placeOf(target), target.service, commit), target);
}

function present(chart: Chart | undefined, { service, stage, project }: Target): Chart {
  if (chart) return chart;
  const what = `there is no Helm chart for ${service} in stage ${stage} of ${project}`;
  throw new RolloutFailed(
    'ChartMissing',
    `${what}: onboard the service with one, or declare Resources below helm/${service}/`,
  );
}

async function rollOut(
  parts: HelmParts,
  target: Target,
  before: Chart,
  chart: Chart,
  watching: Watching,
): Promise<string> {
  const { configuration, deployer } = parts;
  const injected = target.strategy === 'duplicate' && (await deployer.mesh()) === 'istio';
  const [commit] = await Promise.all([
    writeChart(configuration, placeOf(target), chart, target.cause),
    deployer.ensureNamespace(namespaceOf(target), injected),
  ]);
  await upgradeOrRestore(parts, target, ownRelease(target, chart), before, watching);
  return commit;
}

/** Git has to say what runs: where that does not become the release, the chart as it was `before`. */
export async function upgradeOrRestore(
  { configuration, deployer }: HelmParts,
  target: Target,
  release: Release,
  before: Chart | undefined,
  watching: Watching,
): Promise<void> {
  try {
    await deployer.upgrade(release, watching);
  } catch (error) {
    if (before && (error instanceof RolloutFailed || watching.signal.aborted)) {
      await writeChart(configuration, placeOf(target), before, target.cause);
    }
    throw error;
  }
}

/** The generated chart with the canary at this weight, made from the service's own at its first deployment; its commit. */
export async function expose(
  parts: HelmParts,
  target: Target,
  weight: number,
  watching: Watching,
): Promise<string | undefined> {
  const { configuration, deployer } = parts;
  // Without a mesh there is nothing beside what is deployed directly.
  if (target.strategy === 'direct' && (await deployer.mesh()) === 'none') return undefined;
  const name = generatedName(target.service);
  const known = await readChart(configuration, placeOf(target), name);
  let chart = known && hasTemplates(known) ? known : await generate(parts, target, weight);
  if (!chart) return undefined;
  if (target.strategy === 'duplicate') chart = withWeight(chart, weight);
  const commit = await writeChart(configuration, placeOf(target), chart, target.cause);
  if (!hasTemplates(chart)) return commit;
  await deployer.upgrade(generatedRelease(target, chart), watching);
  await direct(parts, target, chart, weight);
  return commit;
}

/** Made of what the own chart renders to, now or at a commit; undefined where that cannot be told. */
export async function generate(
  parts: HelmParts,
  target: Target,
  weight: number,
  commit?: string,
): Promise<Chart | undefined> {
  const { deployer, routes } = parts;
  const rendered = await deployer.render(ownRelease(target, await ownChart(parts, target, commit)));
  if (rendered === undefined) return undefined;
  return generatedChart(readManifest(rendered), weight, {
    service: target.service,
    namespace: namespaceOf(target),
    strategy: target.strategy,
    routes: { ...routes, mesh: await deployer.mesh() },
  });
}

/** The commit of the last version that passed its evaluation in the stage, other than that of this delivery. */
export async function lastGood(
  history: History,
  { project, stage, service, cause }: Target,
): Promise<string | undefined> {
  const place = { project, stage, service };
  const passed = (await history.events({ ...place, type: eventTypes.evaluationDone })).find(
    ({ shkeptncontext, data }) => shkeptncontext !== cause.context && hasPassed(textIn(data, 'result') ?? ''),
  );
  if (!passed) return undefined;
  const search = { ...place, keptnContext: passed.shkeptncontext, type: eventTypes.deploymentFinished };
  const deployed = await history.newest(search);
  return deployed && commitOf(deployed);
}
