/** The components of an installation, as its conditions tell of them. */
import { findCondition, type Condition } from '../../lib/model/status.ts';
import type { Keptn } from '../../lib/model/keptn.ts';
import type { Column } from '../output.ts';

export interface ComponentState {
  component: string;
  ready: boolean;
  /** One word for programs. */
  reason: string;
  message: string;
}

/** Conditions of the whole. */
const ofAll = new Set(['Ready', 'Stalled']);

/** Those of an older generation are left out: nothing is known of what is declared now. */
export function componentsIn(keptn: Keptn): ComponentState[] {
  const { metadata, status } = keptn;
  const components = (status?.conditions ?? [])
    .filter(({ type, observedGeneration }) => !ofAll.has(type) && observedGeneration === metadata.generation)
    .map(({ type, ...said }) => stateOf(nameOfCondition(type), said));
  const ready = readyOf(keptn);
  // What keeps the whole of it, such as a Secret that is missing, is of no component.
  const isOfNone = ready?.status === 'False' && components.every((one) => one.ready);
  return isOfNone ? [stateOf('installation', ready), ...components] : components;
}

const stateOf = (component: string, { status, reason, message }: Omit<Condition, 'type'>): ComponentState => ({
  component,
  ready: status === 'True',
  reason,
  message,
});

/** `MongodbDatastore` is of mongodb-datastore. */
const nameOfCondition = (type: string): string => type.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();

/** Of what is declared now; undefined until the operator has looked at it. */
export function readyOf({ metadata, status }: Keptn): Condition | undefined {
  const ready = findCondition(status, 'Ready');
  return ready?.observedGeneration === metadata.generation ? ready : undefined;
}

export const componentColumns: readonly Column<ComponentState>[] = [
  { title: 'COMPONENT', of: ({ component }) => component },
  { title: 'READY', of: ({ ready }) => String(ready) },
  { title: 'REASON', of: ({ reason }) => reason },
  { title: 'MESSAGE', of: ({ message }) => message },
];
