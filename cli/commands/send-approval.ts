/** `keptn send event approval`: lets an artifact into a stage, or does not. */
import { Option, type Command } from 'commander';
import { clientOf, outputOf, withOutput } from '../session.ts';

interface Approval {
  project: string;
  stage: string;
  service: string;
  result: 'pass' | 'failed';
  message?: string;
  keptnContext?: string;
}

export function sendApproval(event: Command): void {
  withOutput(event.command('approval'))
    .description('Answers the question whether an artifact may enter a stage.')
    .requiredOption('--project <name>', 'the project')
    .requiredOption('--stage <name>', 'the stage to enter')
    .requiredOption('--service <name>', 'the service')
    .addOption(new Option('--result <result>', 'the answer').choices(['pass', 'failed']).default('pass'))
    .option('--message <text>', 'why; shown with the delivery')
    .option('--keptn-context <context>', 'of the delivery; the newest that waits by default')
    .action(async ({ project, stage, service, result, message, keptnContext }: Approval, command: Command) => {
      const [{ begun }, { newestContext }, client] = await Promise.all([
        import('../client.ts'),
        import('../newest.ts'),
        clientOf(command),
      ]);
      const type = 'sh.keptn.event.approval.triggered';
      const asked = await newestContext(client, { type, project, stage, service, keptnContext }, 'waits for approval');
      const approval = {
        triggeredID: asked.id,
        result,
        status: 'succeeded',
        ...(message !== undefined && { message }),
      };
      const sent = {
        type: 'sh.keptn.event.approval.finished',
        source: 'https://github.com/keptn/keptn/cli#approval',
        shkeptncontext: asked.shkeptncontext,
        data: { project, stage, service, labels: null, approval },
      };
      await client.call('POST', '/v1/event', begun, sent);
      outputOf(command).line(
        'INFO',
        `${result === 'pass' ? 'Approved' : 'Declined'}: ${service} for ${stage}, in context ${asked.shkeptncontext}`,
      );
    });
}
