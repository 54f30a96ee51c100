/** A Keptn CloudEvent as the project handles it; the codecs beside this file turn it into 0.2, 0.3 and 1.0. */

/** The event types of Keptn 0.6.2 that this project sends or handles, by what they mean. */
export const eventTypes = {
  projectCreate: 'sh.keptn.internal.event.project.create',
  projectDelete: 'sh.keptn.internal.event.project.delete',
  serviceCreate: 'sh.keptn.internal.event.service.create',
  configurationChange: 'sh.keptn.event.configuration.change',
  evaluationDone: 'sh.keptn.events.evaluation-done',
  problem: 'sh.keptn.events.problem',
  problemOpen: 'sh.keptn.event.problem.open',
  log: 'sh.keptn.events.log',
} as const;

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
