/** The folder of the command line's own files, as 0.6.2 has it. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export const homeFolder = (): string => join(homedir(), '.keptn');
