/** `keptn send event`: any event from a file, a new artifact, the start of an evaluation. */
import type { Command } from 'commander';
import { clientOf, outputOf, waitingOf, withOutput, withWaiting } from '../session.ts';
import { sendApproval } from './send-approval.ts';

const SOURCE = 'https://github.com/keptn/keptn/cli';
const HOUR = 3600;

interface Artifact {
  project: string;
  service: string;
  image: string;
  tag?: string;
}

interface Evaluation {
  project: string;
  stage: string;
  service: string;
  timeframe?: string;
  start?: string;
  end?: string;
  labels?: string;
}

export function sendEvent(parent: Command): void {
  const event = withOutput(parent.command('event'))
    .description('Sends an event: from a file, or one of those below.')
    .option('-f, --file <file>', 'a CloudEvent as JSON')
    .action(async ({ file }: { file?: string }, command: Command) => {
      const [{ begun }, { readJson }, { CliError }] = await Promise.all([
        import('../client.ts'),
        import('../input.ts'),
        import('../errors.ts'),
      ]);
      if (file === undefined)
        throw new CliError('usage', 'name a file with --file, or an event: keptn send event --help');
      const { keptnContext } = await (
        await clientOf()
      ).call('POST', '/v1/event', begun, await readJson(file, '--file'));
      outputOf(command).line('INFO', `ID of Keptn context: ${keptnContext}`);
    });

  withWaiting(event.command('new-artifact'), HOUR)
    .description('Delivers a new image, from the first stage on, and shows how it goes.')
    .requiredOption('--project <name>', 'the project')
    .requiredOption('--service <name>', 'the service')
    .requiredOption('--image <image>', 'the image, with its tag or without')
    .option('--tag <tag>', 'the tag; `latest` when the image has none')
    .action(async ({ project, service, image, tag }: Artifact, command: Command) => {
      const [{ begun }, { stagesOf, watchDelivery }] = await Promise.all([
        import('../client.ts'),
        import('../delivery-view.ts'),
      ]);
      const hasTag = /:[^/]+$/.test(image);
      const whole = tag ? `${image.replace(/:[^/:]+$/, '')}:${tag}` : hasTag ? image : `${image}:latest`;
      const data = {
        ...{ project, service, stage: '', valuesCanary: { image: whole } },
        ...{ canary: { action: 'set', value: 100 }, labels: null },
      };
      const sent = { type: 'sh.keptn.event.configuration.change', source: `${SOURCE}#configuration-change`, data };
      const client = await clientOf();
      const stages = await stagesOf(client, project);
      const { keptnContext } = await client.call('POST', '/v1/event', begun, sent);
      const output = outputOf(command);
      output.line('INFO', `ID of Keptn context: ${keptnContext}`);
      const timeoutMs = waitingOf(command);
      if (timeoutMs === undefined) return;
      await watchDelivery(client, { project, service, keptnContext }, stages, output, timeoutMs);
      output.line('INFO', `${whole} is delivered`);
    });
  sendApproval(event);

  withOutput(event.command('start-evaluation'))
    .description('Evaluates a service in a stage for a time that has passed.')
    .requiredOption('--project <name>', 'the project')
    .requiredOption('--stage <name>', 'the stage')
    .requiredOption('--service <name>', 'the service')
    .option('--timeframe <minutes>', 'so long, such as 5m, which is the default')
    .option('--start <time>', 'from then on, such as 2026-11-24T10:00:00 (UTC)')
    .option('--end <time>', 'until then; not with --timeframe')
    .option('-l, --labels <list>', 'key=value, with commas')
    .action(async ({ project, stage, service, labels, ...time }: Evaluation, command: Command) => {
      const [{ begun }, { spanOf, labelsOf }] = await Promise.all([import('../client.ts'), import('../input.ts')]);
      const data = {
        ...{ project, stage, service, ...spanOf(time) },
        ...{ teststrategy: 'manual', deploymentstrategy: '', labels: labelsOf(labels) },
      };
      const sent = { type: 'sh.keptn.event.start-evaluation', source: `${SOURCE}#start-evaluation`, data };
      const { keptnContext } = await (await clientOf()).call('POST', '/v1/event', begun, sent);
      outputOf(command).line('INFO', `ID of Keptn context: ${keptnContext}`);
      outputOf(command).line(
        'INFO',
        `keptn get event evaluation-done --keptn-context=${keptnContext} shows the result`,
      );
    });
}
