/** One configuration.change at work, as 0.6.2 orders it: values, files of the three charts, then the canary. */
import { isDuplicate, type ShipyardStage } from '../../lib/configuration/shipyard.ts';
import { commitOf } from '../../lib/configuration/versioned.ts';
import { finished } from '../../lib/delivery/finished.ts';
import { newImage } from '../../lib/delivery/stage.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import type { ConfigurationChange } from '../../lib/events/workflow.ts';
import type { EventLog, Outgoing } from '../../lib/service/service.ts';
import { discard, promote } from './canary.ts';
import { outdatedIn, withFiles } from './charts/changes.ts';
import { generatedName, readChart, strategyOf, writeChart, type Chart, type Strategy } from './charts/chart.ts';
import { changeUmbrella } from './charts/umbrella.ts';
import { deploy, expose, lastGood, restore, upgradeOrRestore } from './deploy.ts';
import { RolloutFailed, type Watching } from './deployer/port.ts';
import { strategyGiven } from './onboard.ts';
import { actionFinished, actionOf, deploymentFinished, OUTDATED_REASON } from './outgoing.ts';
import { generatedRelease, placeOf, type HelmParts, type Slot, type Target } from './target.ts';

export interface Change {
  event: KeptnEvent & { data: ConfigurationChange & { stage: string } };
  stage: ShipyardStage;
  /** The event names no stage. */
  isFirst: boolean;
  /** Where it was asked for already. */
  seen?: Promise<Seen> | undefined;
}

/** What there is of a service in a stage: its own chart, what is generated of it, and how it was onboarded. */
export interface Seen {
  own?: Chart | undefined;
  generated?: Chart | undefined;
  given?: Strategy | undefined;
}

/** Asks for both charts at once: each answer takes its time while many deliveries are on their way. */
export async function look(parts: HelmParts, slot: Slot): Promise<Seen> {
  const read = (name: string): Promise<Chart | undefined> => readChart(parts.configuration, slot, name);
  const [own, generated] = await Promise.all([read(slot.service), read(generatedName(slot.service))]);
  // What is generated tells how it was onboarded.
  return { own, generated, given: generated ? undefined : await strategyGiven(parts, slot) };
}

/** What the change is about, and the chart that it changes; `known`: how it was deployed, where that is known. */
export async function aimOf(parts: HelmParts, { event, stage: found, seen }: Change, known?: Strategy): Promise<Aim> {
  const { project, stage, service } = event.data;
  const place = { project, stage, service };
  const { own, generated, given } = await (seen ?? (known && !deploys(event) ? { given: known } : look(parts, place)));
  const strategy = generated ? strategyOf(generated) : (given ?? (isDuplicate(found) ? 'duplicate' : 'direct'));
  return { target: { ...place, strategy, cause: { context: event.shkeptncontext } }, own };
}

export interface Aim {
  target: Target;
  own: Chart | undefined;
}

function deploys({ data }: Change['event']): boolean {
  return Boolean(data.valuesCanary) || hasAny(data.fileChangesUserChart) || isChartAlone(data);
}

export async function applyChange(
  parts: HelmParts,
  change: Change,
  { target, own }: Aim,
  watching: Watching,
  log: EventLog,
): Promise<Outgoing[]> {
  const { event, stage, isFirst } = change;
  const { data, source } = event;
  const { valuesCanary, fileChangesUserChart: files } = data;
  let image = newImage(event);
  await tell(parts, target, image, log);
  let commit: string | undefined;
  if (own && files) refuseOutdated(own, files, data);
  if (deploys(event)) {
    const changes = { values: valuesCanary ?? undefined, files: files ?? undefined };
    ({ commit, image } = await deploy(parts, target, own, changes, watching));
    if (target.strategy === 'direct') commit = (await expose(parts, target, 100, watching)) ?? commit;
  }
  commit = (await changeOthers(parts, target, data, watching)) ?? commit;
  const { canary } = data;
  if (canary?.action === 'promote' || canary?.action === 'discard') {
    return [await end(parts, target, event, canary.action, watching, log)];
  }
  if (canary && target.strategy === 'duplicate') {
    commit = (await expose(parts, target, canary.value ?? 100, watching)) ?? commit;
  }
  const action = actionOf(event);
  if (action !== undefined) {
    log.info(`${data.service} in ${stage.name} runs with the changed chart`);
    return [actionFinished(data, action)];
  }
  const testStrategy = source.endsWith('remediation-service') ? 'real-user' : stage.test_strategy;
  const said = `${data.service} ${image ?? ''} is deployed to ${stage.name}`;
  const line = parts.deployer.dryRun ? `dry run: ${said}, nothing of it in a cluster` : said;
  // Here the command line of 0.6.2, which names no stage, ends its wait.
  if (isFirst) log.last(line);
  else log.info(line);
  const { domain } = parts.routes;
  const { dryRun } = parts.deployer;
  return [deploymentFinished({ target, change: data, testStrategy, commit, image: image ?? '', domain, dryRun })];
}

async function tell({ deployer }: HelmParts, target: Target, image: string | undefined, log: EventLog): Promise<void> {
  const { service, stage, strategy } = target;
  if (image !== undefined) log.info(`${service}: deploying ${image} to ${stage} (${strategy})`);
  const mesh = await deployer.mesh();
  if (mesh === 'istio' || strategy === 'direct' || image === undefined) return;
  const instead =
    mesh === 'none' ? 'plain Services move all of its traffic at once' : 'the Gateway API moves its traffic';
  log.warn(`Istio is not installed in this cluster: ${instead}`);
}

/** Files of the generated chart, as the remediation-service changes them, and of the stage's umbrella; the commit that has them. */
async function changeOthers(
  parts: HelmParts,
  target: Target,
  data: ConfigurationChange,
  watching: Watching,
): Promise<string | undefined> {
  const { configuration, deployer } = parts;
  let commit: string | undefined;
  const { fileChangesGeneratedChart: generated, fileChangesUmbrellaChart: umbrella } = data;
  if (hasAny(generated)) {
    const chart = await readChart(configuration, placeOf(target), generatedName(target.service));
    if (!chart) throw new RolloutFailed('ChartMissing', `${target.service} was never deployed to ${target.stage}`);
    refuseOutdated(chart, generated, data);
    const changed = withFiles(chart, generated, 'fileChangesGeneratedChart');
    commit = await writeChart(configuration, placeOf(target), changed, target.cause);
    await upgradeOrRestore(parts, target, generatedRelease(target, changed), chart, watching);
  }
  if (hasAny(umbrella)) {
    const { project, stage, cause } = target;
    const chart = await changeUmbrella(configuration, { project, stage }, umbrella, cause);
    const name = `${project}-${stage}`;
    await deployer.upgrade({ name, namespace: name, chart, values: {} }, watching);
  }
  return commit;
}

function refuseOutdated(
  chart: Chart,
  files: Readonly<Record<string, string>>,
  { fileChangesBase }: ConfigurationChange,
) {
  const file = outdatedIn(chart, files, fileChangesBase);
  if (file === undefined) return;
  throw new RolloutFailed(OUTDATED_REASON, `${file} of ${chart.name} has changed since the change was made`);
}

/** What has changed is in Git already, and the event names nothing: the chart as it is, is what is wanted. */
const isChartAlone = ({ canary, fileChangesGeneratedChart, fileChangesUmbrellaChart }: ConfigurationChange): boolean =>
  !canary && !hasAny(fileChangesGeneratedChart) && !hasAny(fileChangesUmbrellaChart);

const hasAny = (files: Readonly<Record<string, string>> | null | undefined): files is Record<string, string> =>
  Object.keys(files ?? {}).length > 0;

/** What has passed is the primary from now on; what has not is taken out, or, deployed directly, replaced by what was. */
async function end(
  parts: HelmParts,
  target: Target,
  event: Change['event'],
  action: 'promote' | 'discard',
  watching: Watching,
  log: EventLog,
): Promise<Outgoing> {
  const { data } = event;
  const { service, stage, strategy } = target;
  const commit = commitOf(event) ?? (await deployedCommit(parts, target));
  if (action === 'promote') {
    if (strategy === 'duplicate') await promote(parts, target, commit, watching);
    const message = strategy === 'duplicate' ? 'promoted: it is the primary now' : 'deployed';
    log.info(`${service} in ${stage}: ${message}`);
    return finished(data, 'pass', { reason: 'Promoted', message });
  }
  if (strategy === 'duplicate') {
    await discard(parts, target, watching);
    log.last(`${service} in ${stage}: discarded, all traffic goes to the version before`);
    return finished(data, 'fail', { reason: 'EvaluationFailed', message: '' });
  }
  const good = await lastGood(parts.history, target);
  if (good !== undefined) await restore(parts, target, good, watching);
  const message = good === undefined ? 'there is no good version before it, so it stays' : 'the version before is back';
  log.last(`${service} in ${stage}: ${message}`);
  return finished(data, 'fail', { reason: 'RolledBack', message });
}

/** Where the event has lost it, since a service of 0.6.2 does not pass it on. */
async function deployedCommit({ history }: HelmParts, target: Target): Promise<string | undefined> {
  const { project, stage, service, cause } = target;
  const type = eventTypes.deploymentFinished;
  const deployed = await history.newest({ keptnContext: cause.context, project, stage, service, type });
  return deployed && commitOf(deployed);
}
