/** Runs the command line; each way to fail has its exit code, and one sentence on stderr. */
import { CommanderError } from 'commander';
import { KeptnError } from '../lib/errors/classes.ts';
import { CliError, exitCodes, MockEnd } from './errors.ts';
import { createProgram } from './program.ts';

process.once('SIGINT', () => process.exit(130));
try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CliError) {
    process.stderr.write(`Error: ${error.message}\n`);
    process.exitCode = error.code;
  } else if (error instanceof KeptnError) {
    // What a cluster refuses.
    process.stderr.write(`Error: ${error.message}\n`);
    process.exitCode = exitCodes.failed.code;
  } else if (error instanceof MockEnd) {
    process.stdout.write(`${error.message}\n`);
  } else if (error instanceof CommanderError) {
    // It has said what is wrong.
    process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage.code;
  } else throw error;
}
