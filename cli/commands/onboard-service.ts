import { Option, type Command } from 'commander';
import { begin, withWaiting } from '../session.ts';

interface Options {
  project: string;
  chart: string;
  deploymentStrategy?: 'direct' | 'blue_green_service';
}

export function onboardService(parent: Command): void {
  withWaiting(parent.command('service <name>'))
    .description('Makes a service with its Helm chart.')
    .requiredOption('-p, --project <name>', 'its project')
    .requiredOption('--chart <path>', 'folder of the chart, or its archive (tgz)')
    .addOption(
      new Option('--deployment-strategy <strategy>', 'in every stage; by default as the stages say').choices([
        'direct',
        'blue_green_service',
      ]),
    )
    .action(async (serviceName: string, { project, chart, deploymentStrategy }: Options, command: Command) => {
      const { readChart } = await import('../chart.ts');
      const helmChart = Buffer.from(await readChart(chart)).toString('base64');
      const strategy = deploymentStrategy === 'direct' ? 'direct' : 'duplicate';
      const body = { serviceName, helmChart, ...(deploymentStrategy && { deploymentStrategies: { '*': strategy } }) };
      await begin(command, 'POST', ['project', project, 'service'], body);
    });
}
