/** The events that the gate sends. */
import { entering } from '../../lib/delivery/by-hand.ts';
import { finished as deliveryFinished } from '../../lib/delivery/finished.ts';
import type { StageDelivery } from '../../lib/delivery/stage.ts';
import { splitImage } from '../../lib/delivery/image.ts';
import { eventTypes } from '../../lib/events/event.ts';
import type { DeliveryFinished } from '../../lib/events/workflow.ts';
import type { Outgoing } from '../../lib/service/service.ts';

export interface Place {
  project: string;
  stage: string;
  service: string;
  labels?: Record<string, string> | null | undefined;
}

const placeOf = ({ project, stage, service, labels = null }: Place) => ({ project, stage, service, labels });

export function canary(place: Place, action: 'promote' | 'discard'): Outgoing {
  return { type: eventTypes.configurationChange, data: { ...placeOf(place), canary: { action } } };
}

/** The artifact enters the stage, as a new one enters the first, and goes no further than `until`. */
export function enter(place: Place, stage: string, image: string, until?: string): Outgoing {
  const { type, data } = entering({ ...place, stage }, image, until);
  // The commit is of the stage before.
  return { type, data: { ...data, labels: place.labels ?? null }, extensions: {} };
}

export function askApproval(
  place: Place & { teststrategy: string; deploymentstrategy: string },
  stage: string,
  image: string,
): Outgoing {
  const { teststrategy, deploymentstrategy } = place;
  const data = { ...placeOf(place), stage, teststrategy, deploymentstrategy, ...splitImage(image) };
  return { type: eventTypes.approvalTriggered, data, extensions: {} };
}

/** `why`: where it is not what the evaluation said. */
export function finished(
  place: Place,
  result: DeliveryFinished['result'],
  state: Pick<StageDelivery, 'image' | 'message'> | undefined,
  why = { reason: result === 'fail' ? 'EvaluationFailed' : '', message: state?.message ?? '' },
): Outgoing {
  return deliveryFinished(place, result, { image: state?.image, ...why });
}
