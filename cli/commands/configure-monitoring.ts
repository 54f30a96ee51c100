/** `keptn configure monitoring`: says who answers for the SLIs of a project, and has Prometheus told of a service. */
import { Argument, type Command } from 'commander';
import { begin, withWaiting } from '../session.ts';

interface Options {
  project?: string;
  service?: string;
}

export function configureMonitoring(parent: Command): void {
  withWaiting(parent.command('monitoring'))
    .addArgument(new Argument('<type>', 'what measures').choices(['prometheus', 'dynatrace']))
    .description(
      'Has a project evaluated by what this monitoring has measured. prometheus: has it scrape the service as well, and ' +
        'raise alerts when its objectives are violated.',
    )
    .option('-p, --project <name>', 'the project')
    .option('-s, --service <name>', 'the service; needed for prometheus, as is the project')
    .action(async (type: string, { project, service }: Options, command: Command) => {
      const { CliError } = await import('../errors.ts');
      if (type === 'prometheus' && !(project && service)) {
        throw new CliError('usage', `--${project ? 'service' : 'project'}: prometheus is configured for a service`);
      }
      const sent = {
        type: 'sh.keptn.event.monitoring.configure',
        source: 'https://github.com/keptn/keptn/cli#configuremonitoring',
        data: { type, project: project ?? '', service: service ?? '' },
      };
      await begin(command, 'POST', ['event'], sent);
    });
}
