/** The event that a delivery has ended in a stage, whoever says so. */
import { eventTypes } from '../events/event.ts';
import type { DeliveryFinished } from '../events/workflow.ts';

type Place = Pick<DeliveryFinished, 'project' | 'stage' | 'service' | 'labels'>;

export function finished(
  { project, stage, service, labels = null }: Place,
  result: DeliveryFinished['result'],
  { image = '', reason, message }: { image?: string | undefined; reason: string; message: string },
): { type: string; data: DeliveryFinished } {
  return {
    type: eventTypes.deliveryFinished,
    data: { project, stage, service, labels, image, result, reason, message },
  };
}
