/** An action at work: begun, or taken back. In the charts that is a change for helm-service, which tells how it came off. */
import type { Configuration } from '../../lib/configuration/client.ts';
import { Terminal } from '../../lib/errors/classes.ts';
import { eventTypes } from '../../lib/events/event.ts';
import { idOf } from '../../lib/events/id.ts';
import type { Problem } from '../../lib/events/problem.ts';
import type { ActionFinished } from '../../lib/events/remediation.ts';
import type { ConfigurationChange } from '../../lib/events/workflow.ts';
import type { Outgoing } from '../../lib/service/service.ts';
import { hashOf } from '../helm-service/charts/changes.ts';
import { generatedName, readChart, strategyOf } from '../helm-service/charts/chart.ts';
import { changesOfTemplates, changesOfValues, type Wanted } from './changes.ts';
import { builtInOf, type ChartAction } from './plan.ts';
import { toggle, type UnleashSettings } from './unleash.ts';

export interface WorkParts {
  configuration: Configuration;
  unleash: UnleashSettings;
}

export interface Order {
  /** Of the event that asks for it. */
  id: string;
  keptnContext: string;
  problem: Problem;
  action: { action: string; value?: unknown };
  /** Which of the actions for this problem it is, from 0. */
  nth: number;
  /** False: it is taken back. */
  begins: boolean;
}

/** What does it, or tells that it is done; nothing for an action that a service of its own does. */
export async function work(parts: WorkParts, order: Order): Promise<Outgoing[]> {
  const { begins } = order;
  const action = builtInOf(order.action);
  // Nobody has to answer to that.
  if (!action) return begins ? [] : [answer(order, 'pass', 'its service was told')];
  try {
    if (action.action !== 'featuretoggle') return await changed(parts.configuration, order, { ...order, action });
    const [name = '', wanted] = action.value.split(':');
    const to = (wanted === 'on') === begins ? 'on' : 'off';
    await toggle(parts.unleash, name, to);
    return [answer(order, 'pass', `feature ${name} is ${to}`)];
  } catch (error) {
    if (error instanceof Terminal) return [answer(order, 'failed', error.message)];
    throw error;
  }
}

async function changed(
  configuration: Configuration,
  order: Order,
  wanted: Wanted & { action: ChartAction },
): Promise<Outgoing[]> {
  const { project, stage, service, labels } = order.problem;
  const place = { project, stage, service };
  const generated = await readChart(configuration, place, generatedName(service));
  const isOwn = wanted.action.action === 'scaling' && (!generated || strategyOf(generated) === 'direct');
  const chart = isOwn ? await readChart(configuration, place, service) : generated;
  if (!chart) return [answer(order, 'failed', `${service} is not deployed in ${stage}`)];
  const { changed: files, isInEffect } = (isOwn ? changesOfValues : changesOfTemplates)(chart.files, wanted);
  if (Object.keys(files).length === 0) {
    if (!order.begins) return [answer(order, 'pass', 'it is not in effect any more')];
    return [isInEffect ? answer(order, 'pass', 'it is in effect') : answer(order, 'failed', whyNot(wanted, isOwn))];
  }
  const before = Object.keys(files).map((path) => [path, hashOf(chart.files.get(path) ?? '')]);
  const data: ConfigurationChange = {
    ...place,
    labels,
    [isOwn ? 'fileChangesUserChart' : 'fileChangesGeneratedChart']: files,
    fileChangesBase: Object.fromEntries(before) as Record<string, string>,
  };
  return [{ ...caused(order, 'change'), type: eventTypes.configurationChange, data }];
}

function whyNot({ action, problem }: Wanted, isOwn: boolean): string {
  if (action.action === 'scaling') {
    return isOwn
      ? 'there is nothing to scale: values.yaml of its chart has no whole number replicaCount'
      : 'there is nothing to scale: its generated chart has no Deployment, or as many replicas already';
  }
  return problem.clientIp === undefined
    ? 'monitoring does not say who causes it (ProblemDetails.ClientIP)'
    : 'its generated chart has no VirtualService: the cluster has no Istio';
}

export function answer(order: Order, result: 'pass' | 'failed', message: string): Outgoing {
  const { project, stage, service, labels } = order.problem;
  const status = result === 'pass' ? 'succeeded' : 'errored';
  const data: ActionFinished = { project, stage, service, labels, action: { result, status, message } };
  return { ...caused(order, 'finished'), type: eventTypes.actionFinished, data };
}

const caused = ({ id, keptnContext }: Order, what: string) => ({
  id: idOf(id, what),
  shkeptncontext: keptnContext,
  extensions: { triggeredid: id },
});
