/** Takes what a stage has into the next one, or brings back what it had before: the same choice that the command line makes. */
import { signal } from '@preact/signals';
import { entering, imageBefore, imageInStage, stageBehind, type InStage } from '../../../../lib/delivery/by-hand.ts';
import { messageOf } from '../../../../lib/errors/classes.ts';
import type { KeptnEvent } from '../../../../lib/events/event.ts';
import type { Action } from './action.ts';
import { Choice } from './fields.tsx';

export interface Past {
  project: string;
  service: string;
  /** The stages in the order of promotion. */
  order: readonly string[];
  /** Of the service, newest first. */
  events: readonly KeptnEvent[];
}

interface Chosen {
  image: string;
  stage: string;
  /** How far it goes. */
  until?: string;
}

const kinds = {
  promote: {
    title: 'Promote',
    choose: (from: InStage): Chosen => ({ image: imageInStage(from), stage: stageBehind(from) }),
    consequence: ({ image, stage }: Chosen) =>
      `${image} is deployed to ${stage}, past the gate before it, and goes on from there as long as it is good enough.`,
  },
  rollback: {
    title: 'Roll back',
    choose: (from: InStage): Chosen => ({ image: imageBefore(from), stage: from.place.stage, until: from.place.stage }),
    consequence: ({ image, stage }: Chosen) =>
      `${image}, which was in ${stage} before, is deployed to ${stage} again, and no further.`,
  },
} as const;

export function byHand(kind: keyof typeof kinds, { project, service, order, events }: Past): Action {
  const { title, choose, consequence } = kinds[kind];
  return {
    title,
    danger: kind === 'rollback',
    form() {
      const stage = signal((kind === 'promote' ? order.at(-2) : order.at(-1)) ?? order[0] ?? '');
      const chosen = (): Chosen | string => {
        try {
          return choose({ place: { project, stage: stage.value, service }, order, events });
        } catch (error) {
          return messageOf(error);
        }
      };
      const event = (): object | string => {
        const found = chosen();
        if (typeof found === 'string') return found;
        return entering({ project, stage: found.stage, service }, found.image, found.until);
      };
      return {
        fields: () => <Choice label="Stage" value={stage} options={order} />,
        consequence: () => {
          const found = chosen();
          return typeof found === 'string' ? found : consequence(found);
        },
        event,
        command: () => `keptn ${kind} --project=${project} --service=${service} --stage=${stage.value}`,
        yaml: () => {
          const sent = event();
          return {
            title: 'As a file (keptn send event --file=event.json)',
            text: typeof sent === 'string' ? sent : JSON.stringify({ ...sent, source: 'me' }, null, 2),
          };
        },
      };
    },
  };
}
