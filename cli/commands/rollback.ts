/** `keptn rollback`: brings the version before back into a stage. */
import type { Command } from 'commander';
import { clientOf, outputOf, withWaiting } from '../session.ts';

interface Options {
  project: string;
  service: string;
  stage: string;
}

export function rollback(program: Command): void {
  withWaiting(program.command('rollback'), 3600)
    .description('Delivers the version that a stage had before to it again, and no further.')
    .requiredOption('--project <name>', 'the project')
    .requiredOption('--service <name>', 'the service')
    .requiredOption('--stage <name>', 'the stage')
    .action(async ({ project, service, stage }: Options, command: Command) => {
      const [{ chosenFrom, deliver }, { imageBefore }, client] = await Promise.all([
        import('../deliver.ts'),
        import('../../lib/delivery/by-hand.ts'),
        clientOf(command),
      ]);
      const place = { project, service, stage };
      const { image, order } = await chosenFrom(client, place, (from) => ({
        image: imageBefore(from),
        order: from.order,
      }));
      outputOf(command).line('INFO', `Rolling ${service} in ${stage} back to ${image}`);
      await deliver(command, client, { place, image, order, until: stage });
    });
}
