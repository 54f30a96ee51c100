import { Option, type Command } from 'commander';
import { whenDone, clientOf, withWaiting } from '../session.ts';

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
      const [{ begun }, { readChart }] = await Promise.all([import('../client.ts'), import('../chart.ts')]);
      const helmChart = Buffer.from(await readChart(chart)).toString('base64');
      const strategy = deploymentStrategy === 'direct' ? 'direct' : 'duplicate';
      const body = { serviceName, helmChart, ...(deploymentStrategy && { deploymentStrategies: { '*': strategy } }) };
      const path = `/v1/project/${encodeURIComponent(project)}/service`;
      await whenDone(command, await (await clientOf(command)).call('POST', path, begun, body));
    });
}
