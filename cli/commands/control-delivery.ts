/** `keptn abort`, `keptn pause`, `keptn resume`: what becomes of a delivery that is on its way. */
import type { Command } from 'commander';
import { clientOf, outputOf, withOutput } from '../session.ts';

const controls = {
  abort: {
    does: 'Ends a delivery: what is at work is rolled back, what is deployed beside the primary is discarded.',
    done: 'Aborting',
  },
  pause: {
    does: 'Holds a delivery at the next gate: before it is deployed, or before it is promoted.',
    done: 'Pausing',
  },
  resume: { does: 'Lets a paused delivery go on.', done: 'Resuming' },
} as const;

interface Options {
  project: string;
  service: string;
  keptnContext?: string;
}

export function controlDelivery(program: Command): void {
  for (const [name, { does, done }] of Object.entries(controls)) {
    withOutput(program.command(name))
      .description(does)
      .requiredOption('--project <name>', 'the project')
      .requiredOption('--service <name>', 'the service')
      .option('--keptn-context <context>', 'of the delivery; the newest by default')
      .action(async ({ project, service, keptnContext }: Options, command: Command) => {
        const [{ begun }, { newestContext }, client] = await Promise.all([
          import('../client.ts'),
          import('../newest.ts'),
          clientOf(command),
        ]);
        const type = 'sh.keptn.event.configuration.change';
        const { shkeptncontext } = await newestContext(
          client,
          { type, project, service, keptnContext },
          'is on its way',
        );
        const source = `https://github.com/keptn/keptn/cli#${name}`;
        await client.call('POST', '/v1/event', begun, {
          ...{ type: `sh.keptn.event.delivery.${name}`, source, shkeptncontext },
          data: { project, service },
        });
        const output = outputOf(command);
        output.line('INFO', `${done} the delivery of ${service} in context ${shkeptncontext}`);
        output.line('INFO', `keptn logs ${shkeptncontext} shows what comes of it`);
      });
  }
}
