/** `keptn send event`: any event from a file, a new artifact, the start of an evaluation. */
import type { Command } from 'commander';
import { clientOf, outputOf, withOutput, withWaiting } from '../session.ts';
import { sendApproval } from './send-approval.ts';

const SOURCE = 'https://github.com/keptn/keptn/cli';
const HOUR = 3600;

interface Artifact {
  project: string;
  service: string;
  image: string;
  tag?: string;
  until?: string;
}

interface Evaluation {
  project: string;
  stage: string;
  service: string;
  timeframe?: string;
  start?: string;
  end?: string;
  labels?: string;
  wait: boolean;
  timeout: number;
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
        await clientOf(command)
      ).call('POST', '/v1/event', begun, await readJson(file, '--file'));
      outputOf(command).line('INFO', `ID of Keptn context: ${keptnContext}`);
    });

  withWaiting(event.command('new-artifact'), HOUR)
    .description('Delivers a new image, from the first stage on, and shows how it goes.')
    .requiredOption('--project <name>', 'the project')
    .requiredOption('--service <name>', 'the service')
    .requiredOption('--image <image>', 'the image, with its tag or without')
    .option('--tag <tag>', 'the tag; `latest` when the image has none')
    .option('--until <stage>', 'no further than this stage')
    .action(async ({ project, service, image, tag, until }: Artifact, command: Command) => {
      const [{ deliver }, { requireStage, stagesOf }] = await Promise.all([
        import('../deliver.ts'),
        import('../stages.ts'),
      ]);
      const hasTag = /:[^/]+$/.test(image);
      const whole = tag ? `${image.replace(/:[^/:]+$/, '')}:${tag}` : hasTag ? image : `${image}:latest`;
      const client = await clientOf(command);
      const order = await stagesOf(client, project);
      if (until !== undefined) requireStage('--until', until, project, order);
      await deliver(command, client, { place: { project, service, stage: '' }, image: whole, order, until });
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
    .option('--wait', 'until there is a result, which is the exit code too', false)
    .option('--timeout <seconds>', 'how long to wait', Number, 300)
    .action(async ({ project, stage, service, labels, ...time }: Evaluation, command: Command) => {
      const [{ begun }, { spanOf, labelsOf }] = await Promise.all([import('../client.ts'), import('../input.ts')]);
      const data = {
        ...{ project, stage, service, ...spanOf(time) },
        ...{ teststrategy: 'manual', deploymentstrategy: '', labels: labelsOf(labels) },
      };
      const sent = { type: 'sh.keptn.event.start-evaluation', source: `${SOURCE}#start-evaluation`, data };
      const client = await clientOf(command);
      const { keptnContext } = await client.call('POST', '/v1/event', begun, sent);
      const output = outputOf(command);
      output.line('INFO', `ID of Keptn context: ${keptnContext}`);
      if (time.wait) {
        const { resultOf } = await import('../evaluation.ts');
        return resultOf(client, keptnContext, output, time.timeout * 1000);
      }
      output.line('INFO', `keptn get event evaluation-done --keptn-context=${keptnContext} shows the result`);
    });
}
