/** Evaluates a service in a stage for the minutes that have passed. It promotes nothing. */
import { signal } from '@preact/signals';
import { Choice } from './fields.tsx';
import type { Action } from './action.ts';
import type { Delivered } from './new-artifact.tsx';

const spans = ['5', '15', '60', '360', '1440'];

export function startEvaluation(
  { project, services, stages }: Delivered,
  chosen: { stage?: string; service?: string } = {},
): Action {
  return {
    title: 'Start an evaluation',
    form() {
      const service = signal(chosen.service ?? services[0]?.name ?? '');
      const stage = signal(chosen.stage ?? stages[0]?.name ?? '');
      const minutes = signal(spans[0] ?? '');
      const opened = Date.now();
      const event = () => ({
        type: 'sh.keptn.event.start-evaluation',
        data: {
          ...{ project, stage: stage.value, service: service.value, teststrategy: 'manual', deploymentstrategy: '' },
          start: new Date(opened - Number(minutes.value) * 60_000).toISOString(),
          end: new Date(opened).toISOString(),
        },
      });
      return {
        fields: () => (
          <>
            <Choice label="Service" value={service} options={services.map(({ name }) => name)} />
            <Choice label="Stage" value={stage} options={stages.map(({ name }) => name)} />
            <Choice label="Minutes until now" value={minutes} options={spans} />
          </>
        ),
        consequence: () =>
          `The last ${minutes.value} minutes of ${service.value} in ${stage.value} are evaluated by its slo.yaml. Nothing is deployed or promoted.`,
        event,
        command: () =>
          `keptn send event start-evaluation --project=${project} --stage=${stage.value} --service=${service.value} --timeframe=${minutes.value}m`,
        yaml: () => ({
          title: 'As a file (keptn send event --file=event.json)',
          text: JSON.stringify({ ...event(), source: 'me' }, null, 2),
        }),
      };
    },
  };
}
