/** Does what is next about a problem, and tells it in events and in words. */
import { isDuplicate, readShipyard } from '../../lib/configuration/shipyard.ts';
import { messageOf, Terminal } from '../../lib/errors/classes.ts';
import type { Step } from '../../lib/delivery/remediation.ts';
import type { Problem } from '../../lib/events/problem.ts';
import type { EventLog, Outgoing } from '../../lib/service/service.ts';
import { nextOf, type Next, type Rules } from './next.ts';
import { closed, escalated, evaluation, finished, timer, triggered, undo, type Asking, type Case } from './outgoing.ts';
import { actionsFor, builtInNames, builtInOf, type Action } from './plan.ts';
import { answer, work, type WorkParts } from './work.ts';

const FILE = 'remediation.yaml';

export interface Remedies extends WorkParts, Omit<Rules, 'now'> {}

export async function goOn(parts: Remedies, one: Case, log: EventLog): Promise<Outgoing[]> {
  const next = nextOf(one.remediation, { ...parts, now: Date.now() });
  const { problem, remediation } = one;
  const last = remediation.steps.length - 1;
  switch (next.kind) {
    case 'nothing':
      return [];
    case 'again':
      log.info(`${problem.title}: ${next.step.action.action} once more, the chart has changed meanwhile`);
      return begin(parts, one, { action: next.step.action, nth: last, again: next.step.again + 1 }, log);
    case 'follow':
      return follow(parts, one, next, log);
    case 'wait':
      if (next.for === 'effect')
        log.info(`${problem.title}: ${next.step.action.name} has until ${at(next.until)} to help`);
      return [timer(one, next.until)];
    case 'unanswered':
      return [unanswered(one, next.step, last)];
    case 'evaluate': {
      const stage = await stageOf(parts, problem);
      log.info(`${problem.title}: whether ${next.step.action.name} helps is being evaluated`);
      return [
        evaluation(one, next.step, last, isDuplicate(stage) ? 'blue_green_service' : 'direct'),
        timer(one, Date.now() + parts.answerMs),
      ];
    }
    case 'finish':
      log.last(`${problem.title}: ${next.message}`);
      return [finished(one, 'pass', next.message)];
    case 'undo': {
      const { step, nth } = next;
      log.info(`${problem.title}: ${step.action.name} of ${problem.service} in ${problem.stage} is taken back`);
      const asking = undo(one, step, nth, (step.undo?.again ?? -1) + 1);
      return [asking, ...(await work(parts, orderOf(one, asking, step.action, nth, false)))];
    }
    case 'close':
      return close(parts, one, next, log);
  }
}

async function begin(
  parts: Remedies,
  one: Case,
  { action, nth, again }: { action: Action; nth: number; again: number },
  log: EventLog,
): Promise<Outgoing[]> {
  const asking = triggered(one, action, nth, again);
  const working = await work(parts, orderOf(one, asking, action, nth, true));
  if (builtInOf(action)) return [asking, ...working];
  log.info(`${one.problem.title}: a service of your own has to do ${action.action}`);
  return [asking, timer(one, Date.now() + parts.answerMs)];
}

/** It counts as failed. */
function unanswered(one: Case, { id, action }: Step, nth: number): Outgoing {
  const known = builtInNames.join(', ');
  const why = `no service has answered to ${action.action}, which is none of those that are built in (${known})`;
  return answer({ ...one, id, action, nth, begins: true }, 'failed', why);
}

const at = (ms: number): string => new Date(ms).toISOString();

const orderOf = ({ keptnContext, problem }: Case, { id }: Asking, action: Action, nth: number, begins: boolean) => ({
  ...{ id, keptnContext, problem, action, nth, begins },
});

async function follow(
  parts: Remedies,
  one: Case,
  { nth, why }: Extract<Next, { kind: 'follow' }>,
  log: EventLog,
): Promise<Outgoing[]> {
  const { problem } = one;
  const { title, service, stage } = problem;
  const actions = await actionsOf(parts, problem, log).catch((error: unknown) => {
    // There is no other action then, and somebody has to know.
    if (nth === 0 || !(error instanceof Terminal)) throw error;
    log.warn(messageOf(error));
    return [];
  });
  const action = actions[nth];
  if (why !== '') log.warn(`${title}: ${why}`);
  if (action) {
    const which = `${action.name || action.action} (${nth + 1} of ${actions.length})`;
    log.info(`${title}: ${which} of ${service} in ${stage} begins`);
    return begin(parts, one, { action, nth, again: 0 }, log);
  }
  if (nth === 0) return [];
  const message = `${why}; no action of ${FILE} is left: somebody has to look at ${service} in ${stage}`;
  log.last(`${title}: ${message}`);
  return [finished(one, 'failed', message), escalated(one, message, 0)];
}

async function close(
  parts: Remedies,
  one: Case,
  { failed }: Extract<Next, { kind: 'close' }>,
  log: EventLog,
): Promise<Outgoing[]> {
  const { problem, remediation } = one;
  const left = failed.map(({ action, undo: asked }) => `${action.name} (${asked?.answer?.message ?? ''})`).join(', ');
  const message =
    left === '' ? 'over, and what was done for it is taken back' : `over, but somebody has to take back ${left}`;
  log.last(`${problem.title}: ${message}`);
  const events = [
    ...(remediation.verdict === undefined ? [finished(one, 'pass', 'the problem is over')] : []),
    ...(left === '' ? [] : [escalated(one, message, 1)]),
    closed(one, message),
  ];
  if (!remediation.isOpen) return events;
  // It was told again meanwhile.
  const anew = { ...remediation, round: remediation.round + 1, steps: [], verdict: undefined };
  return [...events, ...(await goOn(parts, { ...one, remediation: anew }, log))];
}

/** What is to be done about a problem; nothing where nobody asked for that, which the log says. */
export async function actionsOf(parts: WorkParts, problem: Problem, log: EventLog): Promise<Action[]> {
  const { project, stage, service, title } = problem;
  const found = await stageOf(parts, problem);
  const nothing = (why: string): Action[] => {
    log.last(`${title}: nothing is done about it, ${why}`);
    return [];
  };
  if (found.remediation_strategy !== 'automated') return nothing(`${stage} has no remediation_strategy: automated`);
  const content = await parts.configuration.read({ project, stage, service }, FILE);
  if (!content) return nothing(`${service} in ${stage} has no ${FILE}`);
  const actions = actionsFor(title, content.toString('utf8'), `${FILE} of ${service} in ${stage}`);
  return actions.length > 0 ? actions : nothing(`no entry of ${FILE} begins its name`);
}

async function stageOf({ configuration }: WorkParts, { project, stage, title }: Problem) {
  const found = (await readShipyard(configuration, project)).find(({ name }) => name === stage);
  if (!found) throw new Terminal('NotFound', `problem ${title}: stage ${stage} is not in the shipyard of ${project}`);
  return found;
}
