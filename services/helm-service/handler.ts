/**
 * helm-service: onboards services (service.create) and changes what runs (configuration.change): an artifact or a file into a
 * chart, the chart into Git, Git into the cluster. Then it says so (deployment-finished), or why it did not come to that.
 */
import { readShipyard } from '../../lib/configuration/shipyard.ts';
import { deliveryOf } from '../../lib/delivery/delivery.ts';
import { finished } from '../../lib/delivery/finished.ts';
import { hasStopped, newImage } from '../../lib/delivery/stage.ts';
import { Terminal } from '../../lib/errors/classes.ts';
import { eventTypes, textIn, type KeptnEvent } from '../../lib/events/event.ts';
import { configurationChange, deliveryControl, type ConfigurationChange } from '../../lib/events/workflow.ts';
import { on, type Context, type Outgoing, type Service } from '../../lib/service/service.ts';
import { unlessAborted } from '../../lib/service/unless-aborted.ts';
import { aimOf, applyChange, look, type Change } from './change.ts';
import { RolloutFailed } from './deployer/port.ts';
import { onboard, serviceCreate } from './onboard.ts';
import { actionFinished, actionOf } from './outgoing.ts';
import { Slots } from './slots.ts';
import type { HelmParts } from './target.ts';

/** Two rollouts of ten minutes, and what is around them. */
const TIMEOUT_MS = 30 * 60_000;
/** Some hours: as long as the delivery before may be tested. */
const WAITS = 900;
const LOOK_MS = 2_000;

type ChangeEvent = KeptnEvent & { data: ConfigurationChange };

/** What is tested and promoted after it. */
function isEntering({ data, source }: ChangeEvent): boolean {
  const { canary, fileChangesGeneratedChart, fileChangesUmbrellaChart } = data;
  if (canary?.action === 'promote' || canary?.action === 'discard') return false;
  if (fileChangesGeneratedChart || fileChangesUmbrellaChart) return false;
  return !source.endsWith('remediation-service');
}

export function helmService(parts: HelmParts): Service {
  const slots = new Slots(parts.history);

  async function changed(event: ChangeEvent, context: Context): Promise<Outgoing[]> {
    const { project } = event.data;
    const first = async (): Promise<string> => (await readShipyard(parts.configuration, project))[0]?.name ?? '';
    const data = { ...event.data, stage: event.data.stage || (await first()) };
    return slots.alone(data, async () => {
      const enters = isEntering(event);
      const seen = enters ? look(parts, data) : undefined;
      // Whoever asks for it hears of it.
      seen?.catch(() => undefined);
      const [shipyard, past] = await Promise.all([
        readShipyard(parts.configuration, project),
        enters ? parts.history.delivery(event) : [],
      ]);
      const stage = shipyard.find(({ name }) => name === data.stage);
      if (!stage) {
        const message = `stage ${data.stage} is not in the shipyard of ${project}`;
        context.log.last(message);
        return [finished(data, 'fail', { reason: 'StageMissing', message })];
      }
      const change = { event: { ...event, data }, stage, isFirst: event.data.stage === '', seen };
      return enters ? begin(change, past, context) : rework(change, context);
    });
  }

  /** An artifact, or another chart for it, enters the stage when its turn has come. */
  async function begin(change: Change, past: readonly KeptnEvent[], context: Context): Promise<Outgoing[]> {
    const { event, stage } = change;
    const { data, shkeptncontext: keptnContext, time } = event;
    const { log } = context;
    const image = newImage(event) ?? 'with another chart';
    // The history may not have heard of this event yet, and would tell of the stage as it was before it.
    const delivery = deliveryOf([event, ...past], stage.name);
    const over = [...delivery.stages.values()].find(hasStopped);
    if (delivery.aborted || over) {
      log.last(
        `${data.service} ${image} is not deployed to ${stage.name}: ${over?.message ?? 'the delivery was aborted'}`,
      );
      return [];
    }
    const here = delivery.stages.get(stage.name);
    // Resumed, and redelivered as well.
    if (here && here.phase !== 'Deploying') return [];
    if (delivery.paused) {
      log.info(`${data.service} ${image} is paused before ${stage.name}: keptn resume goes on`);
      return [];
    }
    const newer = await slots.enter(data, { keptnContext, time, image });
    if (newer) {
      const message = `superseded by ${newer.image}, which came while it waited`;
      log.last(`${data.service} ${image} is not deployed to ${stage.name}: ${message}`);
      return [finished(data, 'superseded', { reason: 'NewerArtifact', message, image })];
    }
    return run(change, context);
  }

  /** A promotion, a discard, or a remediation: by the delivery that is there already, or beside any. */
  async function rework(change: Change, context: Context): Promise<Outgoing[]> {
    const { event, stage } = change;
    const { data, shkeptncontext: keptnContext } = event;
    const action = data.canary?.action;
    if ((action === 'promote' || action === 'discard') && !(await slots.holds(data, keptnContext))) {
      context.log.info(`${data.service} in ${stage.name}: nothing to ${action}, a newer delivery has taken its place`);
      return [];
    }
    const events = await run(change, context);
    if (action === 'promote' || action === 'discard') slots.leave(data, keptnContext);
    return events;
  }

  /** Failures of the rollout end the delivery; of what is around it, they are tried again. */
  async function run(change: Change, context: Context): Promise<Outgoing[]> {
    const { data, shkeptncontext: keptnContext } = change.event;
    const { log } = context;
    // A discard is what comes of an abort.
    const enters = isEntering(change.event);
    const aborted = enters ? parts.history.isAborted : undefined;
    // Who enters has seen the past of the delivery.
    const asking = { aborted, keptnContext, everyMs: LOOK_MS, isWanted: true, signal: context.signal };
    const known = enters ? undefined : slots.strategyOf(data, keptnContext);
    try {
      const events = await unlessAborted(asking, async (signal) => {
        const aim = await aimOf(parts, change, known);
        if (enters) slots.deployed(data, keptnContext, aim.target.strategy);
        const watching = { signal, progress: (line: string) => log.info(line) };
        return applyChange(parts, change, aim, watching, log);
      });
      if (events !== 'aborted') return events;
      slots.leave(data, keptnContext);
      log.last(`${data.service} in ${data.stage}: aborted, and rolled back`);
      return [];
    } catch (error) {
      if (!(error instanceof RolloutFailed) && !(error instanceof Terminal)) throw error;
      const reason = error instanceof RolloutFailed ? error.reason : error.code;
      const image = newImage(change.event);
      const action = actionOf(change.event);
      log.warn(`${data.service} in ${data.stage}: ${reason}: ${error.message}`);
      if (action !== undefined) return [actionFinished(data, action, { reason, message: error.message })];
      slots.leave(data, keptnContext);
      log.last(`${data.service} in ${data.stage} failed, and is as it was before`);
      return [finished(data, 'fail', { reason, message: `${reason}: ${error.message}`, image })];
    }
  }

  /** What was paused before a stage enters it now. */
  async function resumed(event: KeptnEvent, context: Context): Promise<Outgoing[]> {
    const past = await parts.history.delivery(event);
    const change = past.find((one) => newImage(one) !== undefined);
    if (!change) return [];
    const data = configurationChange.parse(change.data);
    const isDeployed = past.some(
      ({ type, data: done }) =>
        type === eventTypes.deploymentFinished && (textIn(done, 'stage') === data.stage || data.stage === ''),
    );
    return isDeployed ? [] : changed({ ...change, data }, context);
  }

  return {
    name: 'helm-service',
    timeoutMs: TIMEOUT_MS,
    maxWaits: WAITS,
    concurrency: parts.parallel,
    subscriptions: [
      on(eventTypes.serviceCreate, serviceCreate, (event, context) => onboard(parts, event, context)),
      on(eventTypes.configurationChange, configurationChange, changed),
      on(eventTypes.deliveryResume, deliveryControl, resumed),
    ],
  };
}
