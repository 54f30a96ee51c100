/** The command line as a whole: one file a command, all of them here in the order of `keptn --help`. */
import { Command } from 'commander';
import { addResource } from './commands/add-resource.ts';
import { auth } from './commands/auth.ts';
import { controlDelivery } from './commands/control-delivery.ts';
import { createProject } from './commands/create-project.ts';
import { createService } from './commands/create-service.ts';
import { deleteProject } from './commands/delete-project.ts';
import { getEvents } from './commands/get-events.ts';
import { get } from './commands/get.ts';
import { logs } from './commands/logs.ts';
import { onboardService } from './commands/onboard-service.ts';
import { promote } from './commands/promote.ts';
import { rollback } from './commands/rollback.ts';
import { sendEvent } from './commands/send-event.ts';
import { status } from './commands/status.ts';

export function createProgram(): Command {
  const program = new Command('keptn').description('Continuous delivery with Keptn, from the command line.');
  program.showHelpAfterError('(add --help for more)').exitOverride();
  auth(program);
  status(program);
  const create = program.command('create').description('Makes a project or a service.');
  createProject(create);
  createService(create);
  onboardService(program.command('onboard').description('Makes a service with its chart.'));
  addResource(program);
  sendEvent(program.command('send').description('Sends an event.'));
  promote(program);
  rollback(program);
  controlDelivery(program);
  const gets = program.command('get').description('Shows what there is.');
  get(gets);
  getEvents(gets);
  logs(program);
  deleteProject(program.command('delete').description('Deletes a project.'));
  return program;
}
