/** The command line as a whole: one file a command, all of them here in the order of `keptn --help`. */
import { Command } from 'commander';
import { addResource } from './commands/add-resource.ts';
import { apply } from './commands/apply.ts';
import { auth } from './commands/auth.ts';
import { completion } from './commands/completion.ts';
import { configureBridge } from './commands/configure-bridge.ts';
import { configureDomain } from './commands/configure-domain.ts';
import { configureMonitoring } from './commands/configure-monitoring.ts';
import { controlDelivery } from './commands/control-delivery.ts';
import { createProject } from './commands/create-project.ts';
import { createService } from './commands/create-service.ts';
import { deleteProject } from './commands/delete-project.ts';
import { doctor } from './commands/doctor.ts';
import { generate } from './commands/generate.ts';
import { getEvents } from './commands/get-events.ts';
import { get } from './commands/get.ts';
import { install } from './commands/install.ts';
import { logs } from './commands/logs.ts';
import { onboardService } from './commands/onboard-service.ts';
import { promote } from './commands/promote.ts';
import { rollback } from './commands/rollback.ts';
import { sendEvent } from './commands/send-event.ts';
import { setConfig } from './commands/set-config.ts';
import { standalone } from './commands/standalone.ts';
import { status } from './commands/status.ts';
import { uninstall } from './commands/uninstall.ts';
import { version } from './commands/version.ts';

export function createProgram(): Command {
  const program = new Command('keptn').description('Continuous delivery with Keptn, from the command line.');
  program
    .showHelpAfterError('(add --help for more)')
    .showSuggestionAfterError()
    .exitOverride()
    .enablePositionalOptions();

  program.commandsGroup('To begin:');
  install(program);
  auth(program);
  status(program);
  doctor(program);
  standalone(program);
  const configure = program.command('configure').description('Configures the domain, the Bridge, and what measures.');
  configureDomain(configure);
  configureBridge(configure);
  uninstall(program);

  program.commandsGroup('What there is:');
  const create = program.command('create').description('Makes a project or a service.');
  createProject(create);
  createService(create);
  onboardService(program.command('onboard').description('Makes a service with its chart.'));
  addResource(program);
  apply(program);
  const gets = program.command('get').description('Shows what there is.');
  get(gets);
  getEvents(gets);
  deleteProject(program.command('delete').description('Deletes a project.'));

  program.commandsGroup('Deliveries:');
  sendEvent(program.command('send').description('Sends an event: a new artifact, an approval, an evaluation.'));
  promote(program);
  rollback(program);
  controlDelivery(program);
  logs(program);
  configureMonitoring(configure);

  program.commandsGroup('The command line:');
  completion(program);
  setConfig(program.command('set').description('Sets what the command line does by itself.'));
  generate(program.command('generate').description('Writes pages on the commands, or an archive for who helps.'));
  version(program);
  return program;
}
