/** Holds a delivery, lets it go on, or ends it. */
import { annotationYaml, type Action } from './action.ts';

export interface Controlled {
  project: string;
  service: string;
  keptnContext: string;
  object: { namespace: string; name: string } | undefined;
}

const controls = {
  pause: {
    title: 'Pause',
    consequence:
      'It is held at the next gate: before it is deployed, or before it is promoted. What is at work ends first.',
  },
  resume: { title: 'Resume', consequence: 'It goes on from the gate where it is held.' },
  abort: {
    title: 'Abort',
    consequence:
      'The delivery ends: what is at work is rolled back, a version that is deployed beside the primary is discarded. It cannot be resumed.',
  },
} as const;

export function control(what: keyof typeof controls, delivery: Controlled): Action {
  const { project, service, keptnContext, object } = delivery;
  const { title, consequence } = controls[what];
  return {
    title,
    danger: what === 'abort',
    form: () => ({
      consequence: () => consequence,
      event: () => ({
        type: `sh.keptn.event.delivery.${what}`,
        shkeptncontext: keptnContext,
        data: { project, service },
      }),
      command: () => `keptn ${what} --project=${project} --service=${service} --keptn-context=${keptnContext}`,
      yaml: () =>
        what === 'resume' || !object
          ? {
              title: 'Declared',
              text: `# Take the annotation away: kubectl annotate services.keptn.sh ${object?.name ?? service} keptn.sh/pause-`,
            }
          : {
              title: 'Declared (kubectl apply --server-side)',
              text: annotationYaml(object, `keptn.sh/${what}`, keptnContext),
            },
    }),
  };
}
