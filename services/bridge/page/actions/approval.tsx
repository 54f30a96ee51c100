/** Lets an artifact into a stage, or does not. */
import { signal } from '@preact/signals';
import { annotationYaml, shellWord, type Action } from './action.ts';
import { TextField } from './fields.tsx';

export interface Asked {
  project: string;
  service: string;
  stage: string;
  keptnContext: string;
  object: { namespace: string; name: string };
  image?: string | undefined;
  triggeredId?: string | undefined;
}

export function approve(asked: Asked): Action {
  return answer(asked, 'pass', {
    title: 'Approve',
    annotation: 'keptn.sh/approve',
    consequence: `${asked.image ?? 'The artifact'} is deployed to ${asked.stage}, and goes on from there.`,
  });
}

export function decline(asked: Asked): Action {
  return answer(asked, 'failed', {
    title: 'Decline',
    annotation: 'keptn.sh/decline',
    consequence: `${asked.image ?? 'The artifact'} does not come into ${asked.stage}: the delivery ends there. What runs in ${asked.stage} stays.`,
  });
}

interface Wording {
  title: string;
  annotation: string;
  consequence: string;
}

function answer(asked: Asked, result: 'pass' | 'failed', { title, annotation, consequence }: Wording): Action {
  const { project, service, stage, keptnContext, object, triggeredId = '' } = asked;
  return {
    title,
    danger: result === 'failed',
    form() {
      const message = signal('');
      const why = (): string => (message.value === '' ? '' : ` --message=${shellWord(message.value)}`);
      return {
        fields: () => <TextField label="Why (shown with the delivery)" value={message} />,
        consequence: () => consequence,
        event: () => ({
          type: 'sh.keptn.event.approval.finished',
          shkeptncontext: keptnContext,
          data: {
            ...{ project, stage, service },
            approval: {
              ...{ triggeredID: triggeredId, result, status: 'succeeded' },
              ...(message.value !== '' && { message: message.value }),
            },
          },
        }),
        command: () =>
          `keptn send event approval --project=${project} --stage=${stage} --service=${service} --result=${result} --keptn-context=${keptnContext}${why()}`,
        yaml: () => ({
          title: 'Declared (kubectl apply --server-side)',
          text: annotationYaml(object, annotation, keptnContext),
        }),
      };
    },
  };
}
