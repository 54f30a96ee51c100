/** `keptn promote`: takes what a stage has into the next, by hand. */
import type { Command } from 'commander';
import { clientOf, outputOf, withWaiting } from '../session.ts';

interface Options {
  project: string;
  service: string;
  stage: string;
  to?: string;
}

export function promote(program: Command): void {
  withWaiting(program.command('promote'), 3600)
    .description('Delivers the version that has passed a stage to the next one, past its gate, and on from there.')
    .requiredOption('--project <name>', 'the project')
    .requiredOption('--service <name>', 'the service')
    .requiredOption('--stage <name>', 'the stage that has the version')
    .option('--to <stage>', 'the stage to enter; the one behind by default')
    .action(async ({ project, service, stage, to }: Options, command: Command) => {
      const [{ chosenFrom, deliver }, { imageInStage, stageBehind }, { requireStage }, client] = await Promise.all([
        import('../deliver.ts'),
        import('../../lib/delivery/by-hand.ts'),
        import('../stages.ts'),
        clientOf(command),
      ]);
      const { image, entered, order } = await chosenFrom(client, { project, service, stage }, (from) => {
        if (to !== undefined) requireStage('--to', to, project, from.order);
        return { entered: to ?? stageBehind(from), image: imageInStage(from), order: from.order };
      });
      outputOf(command).line('INFO', `Promoting ${image} from ${stage} to ${entered}`);
      await deliver(command, client, { place: { project, service, stage: entered }, image, order });
    });
}
