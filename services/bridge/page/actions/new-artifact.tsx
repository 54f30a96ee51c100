/** Delivers another image, from the first stage on. */
import { signal } from '@preact/signals';
import { entering } from '../../../../lib/delivery/by-hand.ts';
import type { OverviewService, OverviewStage } from '../../../../lib/delivery/overview.ts';
import { shellWord, yamlText, type Action } from './action.ts';
import { Choice, TextField } from './fields.tsx';

export interface Delivered {
  project: string;
  services: readonly OverviewService[];
  stages: readonly OverviewStage[];
}

const tagged = /^[^\s@]+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[a-f0-9]{64})$/;

export function newArtifact({ project, services, stages }: Delivered): Action {
  return {
    title: 'Deliver an artifact',
    form() {
      const service = signal(services[0]?.name ?? '');
      const image = signal('');
      const given = (): string => image.value.trim();
      const chosen = (): OverviewService | undefined => services.find(({ name }) => name === service.value);
      const first = stages[0]?.name ?? 'the first stage';
      return {
        fields: () => (
          <>
            <Choice label="Service" value={service} options={services.map(({ name }) => name)} />
            <TextField
              label="Image, with its tag"
              value={image}
              placeholder={chosen()?.artifact ?? 'docker.io/keptnexamples/carts:0.10.2'}
            />
          </>
        ),
        consequence: () =>
          `${given()} is deployed to ${first}, tested and evaluated there, and promoted from stage to stage as long as it is good enough.`,
        event: () =>
          tagged.test(given())
            ? entering({ project, service: service.value, stage: '' }, given())
            : 'Say which image: with a tag or a digest, so that it is clear what is delivered.',
        command: () =>
          `keptn send event new-artifact --project=${project} --service=${service.value} --image=${shellWord(given() || 'IMAGE')}`,
        yaml: () => ({
          title: 'Declared (kubectl apply --server-side)',
          text: [
            'apiVersion: keptn.sh/v1alpha1',
            'kind: Service',
            'metadata:',
            `  name: ${yamlText(chosen()?.object.name ?? '')}`,
            `  namespace: ${yamlText(chosen()?.object.namespace ?? '')}`,
            'spec:',
            `  project: ${project}`,
            ...(chosen()?.object.name === service.value ? [] : [`  name: ${service.value}`]),
            '  artifact:',
            `    image: ${yamlText(given() || 'IMAGE')}`,
          ].join('\n'),
        }),
      };
    },
  };
}
