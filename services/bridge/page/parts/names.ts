/** What events are called, and what they say in one line: the words of the docs. */
import { eventTypes as types, textIn, type KeptnEvent } from '../../../../lib/events/event.ts';
import { imageOf } from '../../../../lib/delivery/image.ts';
import { newImage } from '../../../../lib/delivery/stage.ts';
import { toneOfResult, type Tone } from './status.tsx';

const titles: Record<string, string> = {
  [types.projectCreate]: 'Create project',
  [types.projectDelete]: 'Delete project',
  [types.done]: 'Done',
  [types.serviceCreate]: 'Create service',
  [types.configurationChange]: 'Change configuration',
  [types.deploymentFinished]: 'Deployed',
  [types.testsFinished]: 'Tested',
  [types.startEvaluation]: 'Start evaluation',
  [types.getSli]: 'Get indicators',
  [types.getSliDone]: 'Indicators',
  [types.evaluationDone]: 'Evaluated',
  [types.monitoringConfigure]: 'Configure monitoring',
  [types.approvalTriggered]: 'Approval asked for',
  [types.approvalFinished]: 'Approval answered',
  [types.deliveryAbort]: 'Abort',
  [types.deliveryPause]: 'Pause',
  [types.deliveryResume]: 'Resume',
  [types.deliveryFinished]: 'Delivery ended',
  [types.problem]: 'Problem',
  [types.problemOpen]: 'Problem',
  [types.problemClose]: 'Problem closed',
  [types.actionTriggered]: 'Action',
  [types.actionFinished]: 'Action done',
  [types.actionUndo]: 'Take back',
  [types.remediationFinished]: 'Remediation ended',
  [types.remediationEscalated]: 'Somebody is needed',
  [types.remediationClosed]: 'Problem over',
  [types.remediationTimer]: 'Look again',
  [types.log]: 'Log',
};
export const eventNames: readonly [type: string, title: string][] = Object.entries(titles);

/** `repo/name:tag` without the registry: what tells one artifact from another. */
export function shortImage(image: string): string {
  return image.slice(image.lastIndexOf('/') + 1);
}

export function titleOf(event: Pick<KeptnEvent, 'type' | 'data'>): string {
  if (newImage(event) !== undefined) return 'New artifact';
  const action = actionOf(event);
  if (action === 'promote') return 'Promote';
  if (action === 'discard') return 'Discard';
  return titles[event.type] ?? event.type;
}

/** What the event says, in a line. */
export function lineOf(event: KeptnEvent): string {
  const { data } = event;
  const image = newImage(event);
  if (image !== undefined) return shortImage(image);
  const said = ['message', 'ProblemTitle', 'problem'].map((name) => textIn(data, name)).find(Boolean);
  if (said !== undefined) return said;
  const details = childOf(data, 'evaluationdetails');
  const part = partOf(data);
  const result = textIn(part, 'result') ?? textIn(data, 'result') ?? textIn(details, 'result');
  const more = textIn(details, 'message') ?? (textIn(part, 'message') || textIn(part, 'name')) ?? imageIn(data);
  return [result, more].filter(Boolean).join(' · ');
}

/** The colour of an event: how what it tells of ended. */
export function toneOf({ type, data }: KeptnEvent): Tone {
  if (type === types.problem || type === types.problemOpen) return 'bad';
  if (type === types.log) return toneOfLevel(textIn(data, 'loglevel') ?? textIn(data, 'logLevel') ?? '');
  if (type === types.remediationEscalated) return 'bad';
  return toneOfResult(textIn(partOf(data), 'result') ?? textIn(data, 'result') ?? '');
}

export function toneOfLevel(level: string): Tone {
  if (/^err/i.test(level)) return 'bad';
  return /^warn/i.test(level) ? 'warn' : 'off';
}

/** Of an approval, an action or a remediation: what it says is in a part of that name, as Keptn 0.7 has it. */
const partOf = (data: unknown): unknown =>
  childOf(data, 'approval') ?? childOf(data, 'action') ?? childOf(data, 'remediation');

export function childOf(data: unknown, name: string): unknown {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, name)) return undefined;
  return (data as Record<string, unknown>)[name];
}

function actionOf({ type, data }: Pick<KeptnEvent, 'type' | 'data'>): string | undefined {
  return type === types.configurationChange ? textIn(childOf(data, 'canary'), 'action') : undefined;
}

function imageIn(data: unknown): string | undefined {
  const [image, tag = ''] = [textIn(data, 'image'), textIn(data, 'tag')];
  return image ? shortImage(imageOf({ image, tag })) : undefined;
}

/** An address that may stand in a link: never a script. */
export function webAddress(text: string | undefined): string | undefined {
  return text !== undefined && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? text : undefined;
}
