/**
 * remediation-service: a problem in a stage with `remediation_strategy: automated` becomes what remediation.yaml says, one
 * action after another until an evaluation says that it helped, and its end takes that back. It keeps no state: at each
 * event it looks at what the history has of the problem, and does what is next.
 */
import { isUndoing, problemIn, remediationOf } from '../../lib/delivery/remediation.ts';
import { Waiting } from '../../lib/errors/classes.ts';
import { Window } from '../../lib/errors/window.ts';
import { eventTypes, textIn, type KeptnEvent } from '../../lib/events/event.ts';
import { problemData, problemOf, problemTypes, type Problem } from '../../lib/events/problem.ts';
import { actionFinished, timer, type Timer } from '../../lib/events/remediation.ts';
import { deploymentFinished, evaluationDone } from '../../lib/events/workflow.ts';
import type { History } from '../../lib/history/client.ts';
import { on, type Context, type Handle, type Outgoing, type Service } from '../../lib/service/service.ts';
import { Lately } from './lately.ts';
import type { Case } from './outgoing.ts';
import { actionsOf, goOn } from './remediate.ts';
import type { RemediationSettings } from './settings.ts';
import type { WorkParts } from './work.ts';

const NAME = 'remediation-service';
/** Of a service, among which those for a problem are looked for: more of them where that has ended. */
const ACTIONS = { open: 100, over: 1_000 };
/** Problems at work at once; the others wait for something. */
const AT_ONCE = 32;
const TRY_MS = 60_000;

export interface RemediationParts extends WorkParts {
  history: History;
  settings: Omit<RemediationSettings, keyof WorkParts['unleash']>;
}

export function remediationService(parts: RemediationParts): Service {
  const { history, settings } = parts;
  const { REMEDIATION_WAIT: waitMs, REMEDIATION_ANSWER_TIMEOUT: answerMs } = settings;
  const remedies = { ...parts, waitMs, answerMs };
  const lately = new Lately();

  /** In the context in which something is done about it already, wherever monitoring tells it. */
  async function told(event: Parameters<typeof problemOf>[0], { log }: Context): Promise<Outgoing[]> {
    const problem = problemOf(event);
    const { title, isOpen } = problem;
    const isForwarded = event.source === NAME;
    const isRepeated = (): boolean => !isForwarded && lately.isRepeated(problem, event.id);
    if (isRepeated()) return [];
    if (isOpen && (await actionsOf(parts, problem, log)).length === 0) return [];
    // Another may have been faster.
    if (isRepeated()) return [];
    const isTurned = lately.tell(problem, event.id);
    const { shkeptncontext: keptnContext, type, data } = event;
    const remediation = remediationOf(await history.contextUpTo(event), problem.id);
    const isHere = remediation.steps.length > 0;
    const other = isHere || isForwarded ? undefined : await elsewhere(problem, keptnContext);
    const known = other?.remediation ?? remediation;
    if (isOpen && known.steps.length > 0 && known.isOpen && !isUndoing(known) && !isTurned) {
      log.last(`${title}: what ${NAME} does about it is on its way already`);
      return [];
    }
    if (other && isOpen) throw new Waiting('Unavailable', `${title}: what was done for it before is being taken back`);
    if (other) return [{ type, data, shkeptncontext: other.keptnContext }];
    if (!isOpen && !isHere && isTurned) {
      throw new Waiting('Unavailable', `${title}: what has just begun for it is not in the history yet`);
    }
    if (!isOpen && !isHere) log.last(`${title} is over: nothing that was done for it is in effect`);
    return goOn(remedies, { keptnContext, problem, remediation }, log);
  }

  /** A problem that monitoring tells of in several contexts is remediated in one. */
  async function elsewhere(problem: Problem, not: string): Promise<Case | undefined> {
    const { project, stage, service, id, isOpen } = problem;
    const most = isOpen ? ACTIONS.open : ACTIONS.over;
    const actions = await history.all({ project, stage, service, type: eventTypes.actionTriggered }, most);
    const newest = actions.find((event) => event.shkeptncontext !== not && problemIn([event]) === id);
    if (!newest) return undefined;
    const keptnContext = newest.shkeptncontext;
    const remediation = remediationOf(await history.all({ keptnContext }), id);
    return remediation.steps.length === 0 ? undefined : { keptnContext, problem, remediation };
  }

  /** Something has happened in a context: where that is about a problem, it goes on. */
  async function went(event: KeptnEvent, { log }: Context): Promise<Outgoing[]> {
    const past = await history.contextUpTo(event);
    const id = problemIn(past);
    const remediation = id === undefined ? undefined : remediationOf(past, id);
    const problem = remediation?.problem;
    return problem ? goOn(remedies, { keptnContext: event.shkeptncontext, problem, remediation }, log) : [];
  }

  async function wentInFrontOfUsers(event: KeptnEvent, context: Context): Promise<Outgoing[]> {
    return textIn(event.data, 'teststrategy') === 'real-user' ? went(event, context) : [];
  }

  /** In a context of its own until its time has come, then among the events about the problem. */
  async function timed(event: KeptnEvent & { data: Timer }, context: Context): Promise<Outgoing[]> {
    const { type, data, shkeptncontext } = event;
    const afterMs = Date.parse(data.until) - Date.now();
    if (afterMs > 0) throw new Waiting('Unavailable', `it is not ${data.until} yet`, { afterMs });
    return shkeptncontext === data.keptnContext
      ? went(event, context)
      : [{ type, data, shkeptncontext: data.keptnContext }];
  }

  const window = new Window(AT_ONCE, NAME);
  const inTurn =
    <T>(handle: Handle<T>): Handle<T> =>
    (event, context) =>
      window.run(Date.now() + TRY_MS, () => handle(event, context));

  return {
    name: NAME,
    timeoutMs: 2 * TRY_MS,
    // The bus gives twice as many: so many problems may wait at once.
    concurrency: 1_000,
    maxWaits: 100,
    subscriptions: [
      on(problemTypes, problemData, inTurn(told)),
      on(eventTypes.actionFinished, actionFinished, inTurn(went)),
      on(eventTypes.evaluationDone, evaluationDone, inTurn(wentInFrontOfUsers)),
      on(eventTypes.deploymentFinished, deploymentFinished, inTurn(wentInFrontOfUsers)),
      on(eventTypes.remediationTimer, timer, inTurn(timed)),
    ],
  };
}
