/** A Keptn CloudEvent as the project handles it; the codecs beside this file turn it into 0.2, 0.3 and 1.0. */

/** The event types that this project sends or handles, by what they mean: of Keptn 0.6.2 where nothing else is said. */
export const eventTypes = {
  projectCreate: 'sh.keptn.internal.event.project.create',
  projectDelete: 'sh.keptn.internal.event.project.delete',
  /** How the shipyard-service came off. */
  done: 'sh.keptn.events.done',
  serviceCreate: 'sh.keptn.internal.event.service.create',
  configurationChange: 'sh.keptn.event.configuration.change',
  deploymentFinished: 'sh.keptn.events.deployment-finished',
  testsFinished: 'sh.keptn.events.tests-finished',
  startEvaluation: 'sh.keptn.event.start-evaluation',
  getSli: 'sh.keptn.internal.event.get-sli',
  getSliDone: 'sh.keptn.internal.event.get-sli.done',
  evaluationDone: 'sh.keptn.events.evaluation-done',
  monitoringConfigure: 'sh.keptn.event.monitoring.configure',
  /** Of Keptn 0.7: a person is asked, and has answered. */
  approvalTriggered: 'sh.keptn.event.approval.triggered',
  approvalFinished: 'sh.keptn.event.approval.finished',
  /** Ours: what people want of a delivery, and how it ended in a stage. */
  deliveryAbort: 'sh.keptn.event.delivery.abort',
  deliveryPause: 'sh.keptn.event.delivery.pause',
  deliveryResume: 'sh.keptn.event.delivery.resume',
  deliveryFinished: 'sh.keptn.event.delivery.finished',
  problem: 'sh.keptn.events.problem',
  problemOpen: 'sh.keptn.event.problem.open',
  problemClose: 'sh.keptn.event.problem.close',
  /** Of Keptn 0.7: what is done about a problem, how that came off, and whether it helped. */
  actionTriggered: 'sh.keptn.event.action.triggered',
  actionFinished: 'sh.keptn.event.action.finished',
  remediationFinished: 'sh.keptn.event.remediation.finished',
  /** Ours: an action is taken back, a person is needed, a problem is over and nothing done for it is left. */
  actionUndo: 'sh.keptn.event.action.undo',
  remediationEscalated: 'sh.keptn.event.remediation.escalated',
  remediationClosed: 'sh.keptn.event.remediation.closed',
  /** Ours: the remediation-service looks again at a problem at a certain time. */
  remediationTimer: 'sh.keptn.internal.event.remediation.timer',
  log: 'sh.keptn.events.log',
} as const;

/** A text of an event's data, such as its project; undefined where there is none. */
export function textIn(data: unknown, name: string): string | undefined {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, name)) return undefined;
  const value: unknown = (data as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}

export interface KeptnEvent {
  /** Unique; two events with one id are one event. */
  id: string;
  type: string;
  source: string;
  /** RFC 3339. */
  time: string;
  /** The delivery that this event is part of. */
  shkeptncontext: string;
  /** Further extension attributes, for example `gitcommitid`: lower-case names, string values. */
  extensions?: Readonly<Record<string, string>>;
  data: unknown;
}
