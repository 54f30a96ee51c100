/**
 * gatekeeper-service: the gate behind each stage. An evaluation that passed promotes the artifact, here and into the next
 * stage; one that failed discards it. A stage with `approval_strategy: manual` is entered when a person says so. It also
 * ends what is aborted, and holds what is paused.
 */
import type { Configuration } from '../../lib/configuration/client.ts';
import { readShipyard, type ShipyardStage } from '../../lib/configuration/shipyard.ts';
import { deliveryOf, type Delivery } from '../../lib/delivery/delivery.ts';
import { imageOf } from '../../lib/delivery/image.ts';
import { hasPassed, isOver, newImage } from '../../lib/delivery/stage.ts';
import { eventTypes, textIn, type KeptnEvent } from '../../lib/events/event.ts';
import {
  approvalFinished,
  approvalTriggered,
  deliveryControl,
  evaluationDone,
  type ApprovalFinished,
  type DeliveryControl,
  type EvaluationDone,
} from '../../lib/events/workflow.ts';
import type { History } from '../../lib/history/client.ts';
import { on, type Context, type Outgoing, type Service } from '../../lib/service/service.ts';
import { artifactOf } from './artifact.ts';
import { askApproval, canary, enter, finished } from './outgoing.ts';

export interface GatekeeperParts {
  configuration: Configuration;
  history: History;
}

type Evaluated = KeptnEvent & { data: EvaluationDone };
type Approved = KeptnEvent & { data: ApprovalFinished };
type Controlled = KeptnEvent & { data: DeliveryControl };

export function gatekeeperService(parts: GatekeeperParts): Service {
  const { configuration, history } = parts;

  async function evaluated(event: Evaluated, { log }: Context): Promise<Outgoing[]> {
    const { data } = event;
    const { project, stage, service, teststrategy, result } = data;
    if (teststrategy === 'manual') {
      log.last(`${service} in ${stage}: ${result}. The evaluation was asked for by hand, so nothing is promoted.`);
      return [];
    }
    const shipyard = await readShipyard(configuration, project);
    const past = await history.deliveryUpTo(event);
    if (past.some(({ type }) => type === eventTypes.actionTriggered)) {
      log.info(
        `${service} in ${stage}: ${result}. The evaluation is of what is done about a problem: nothing is promoted.`,
      );
      return [];
    }
    const delivery = deliveryOf(past, shipyard[0]?.name ?? '');
    const state = delivery.stages.get(stage);
    if (state && isOver(state)) {
      log.info(`${service} in ${stage} has ended already: ${state.message}`);
      return [];
    }
    const passed = hasPassed(result);
    // It is in front of users already: there is nothing to promote or to discard. Without objectives nothing failed.
    if (teststrategy === 'real-user') return [finished(data, passed ? result : result === '' ? 'pass' : 'fail', state)];
    if (!passed) {
      log.last(`${service} is not promoted from ${stage}: ${state?.message ?? `the evaluation ended with ${result}`}`);
      return data.deploymentstrategy === 'blue_green_service'
        ? [canary(data, 'discard')]
        : [finished(data, 'fail', state)];
    }
    if (delivery.paused) {
      log.info(`${service} is paused behind ${stage}: keptn resume goes on`);
      return [];
    }
    return promote(event, shipyard, delivery.until, log);
  }

  /** First here, then into the next stage, or to the person who lets it in. */
  async function promote(
    event: Evaluated,
    shipyard: readonly ShipyardStage[],
    until: string | undefined,
    log: Context['log'],
  ): Promise<Outgoing[]> {
    const { data } = event;
    const here = canary(data, 'promote');
    const at = shipyard.findIndex(({ name }) => name === data.stage);
    const next = at < 0 ? undefined : shipyard[at + 1];
    if (at < 0) log.warn(`stage ${data.stage} is no longer in the shipyard: ${data.service} goes no further`);
    if (next && until === data.stage) log.info(`${data.service} was to go no further than ${data.stage}`);
    if (!next || until === data.stage) return [here];
    const image = await artifactOf(parts, event);
    if (next.approval_strategy !== 'manual') {
      log.info(`${data.service} ${image} goes from ${data.stage} to ${next.name}`);
      return [here, enter(data, next.name, image, until)];
    }
    log.info(`${data.service} ${image} waits for approval to enter ${next.name}: keptn send event approval`);
    return [here, askApproval(data, next.name, image)];
  }

  async function approved(event: Approved, { log }: Context): Promise<Outgoing[]> {
    const { data, shkeptncontext: keptnContext } = event;
    const { project, stage, service, approval } = data;
    const search = { type: eventTypes.approvalTriggered, project, stage, service };
    // Whoever answers has seen the question, and the history has it or is about to.
    const asked = await history.wait({ ...search, keptnContext }, ({ id }) => [id, ''].includes(approval.triggeredID));
    const question = approvalTriggered.parse(asked.data);
    const delivery = await deliveryIn(event, await readShipyard(configuration, project));
    const state = delivery.stages.get(stage);
    if (state?.phase !== 'Approving') {
      log.last(`${service} does not wait for approval to enter ${stage}: ${state?.message ?? 'it never did'}`);
      return [];
    }
    const newest = await history.newest(search);
    if (newest && newest.shkeptncontext !== keptnContext && Date.parse(newest.time) > Date.parse(asked.time)) {
      const image = imageOf(approvalTriggered.parse(newest.data));
      log.last(`${service} does not enter ${stage}: ${image} came after it`);
      return [finished(data, 'superseded', state, { reason: 'NewerArtifact', message: `superseded by ${image}` })];
    }
    if (approval.result === 'failed') {
      const why = approval.message ? `: ${approval.message}` : '';
      log.last(`${service} does not enter ${stage}, it was declined${why}`);
      return [finished(data, 'fail', state, { reason: 'Declined', message: `declined${why}` })];
    }
    if (delivery.paused) {
      log.info(`${service} is approved for ${stage}, and paused: keptn resume goes on`);
      return [];
    }
    log.info(`${service} is approved for ${stage}`);
    return [enter(question, stage, state.image ?? '', delivery.until)];
  }

  /** Goes on with what was held up: an evaluation or an approval that nothing has followed. */
  async function resumed(event: Controlled, context: Context): Promise<Outgoing[]> {
    const shipyard = await readShipyard(configuration, event.data.project);
    const past = await history.deliveryUpTo(event);
    const { stages, until } = deliveryOf(past, shipyard[0]?.name ?? '');
    for (const { name, phase } of stages.values()) {
      const last = past.find(({ type, data }) => isDecision(type) && textIn(data, 'stage') === name);
      if (last?.type === eventTypes.evaluationDone && phase === 'Promoting' && !isPromoted(past, name)) {
        return promote({ ...last, data: evaluationDone.parse(last.data) }, shipyard, until, context.log);
      }
      if (last?.type === eventTypes.approvalFinished && phase === 'Approving') {
        return approved({ ...last, data: approvalFinished.parse(last.data) }, context);
      }
    }
    return [];
  }

  async function aborted(event: Controlled, { log }: Context): Promise<Outgoing[]> {
    const { project, service, reason, message } = event.data;
    const { stages } = await deliveryIn(event, await readShipyard(configuration, project));
    const running = [...stages.values()].filter((stage) => !isOver(stage));
    log.last(`the delivery of ${service} is aborted${message ? `: ${message}` : ''}`);
    return running.flatMap((stage) => {
      const place = { project, service, stage: stage.name };
      const result = reason === '' ? 'aborted' : 'fail';
      const end = finished(place, result, stage, { reason: reason || 'Aborted', message: message || 'aborted' });
      // What is deployed beside the primary is taken out of the traffic.
      return stage.strategy === 'blue_green_service' ? [canary(place, 'discard'), end] : [end];
    });
  }

  async function deliveryIn(event: KeptnEvent, shipyard: readonly ShipyardStage[]): Promise<Delivery> {
    return deliveryOf(await history.deliveryUpTo(event), shipyard[0]?.name ?? '');
  }

  return {
    name: 'gatekeeper-service',
    maxWaits: 200,
    subscriptions: [
      on(eventTypes.evaluationDone, evaluationDone, evaluated),
      on(eventTypes.approvalFinished, approvalFinished, approved),
      on(eventTypes.deliveryResume, deliveryControl, resumed),
      on(eventTypes.deliveryAbort, deliveryControl, aborted),
    ],
  };
}

const isDecision = (type: string): boolean =>
  type === eventTypes.evaluationDone || type === eventTypes.approvalFinished;

/** True when the gate let it through already. */
function isPromoted(past: readonly KeptnEvent[], stage: string): boolean {
  return past.some((event) => {
    if (event.type !== eventTypes.configurationChange || textIn(event.data, 'stage') !== stage) return false;
    return newImage(event) === undefined;
  });
}
