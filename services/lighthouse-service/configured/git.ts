/** The SLI provider of a project in Git: `sli-provider` in its lighthouse.yaml, so that it can be declared. */
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { Configuration } from '../../../lib/configuration/client.ts';
import { messageOf, Terminal } from '../../../lib/errors/classes.ts';
import { problemsOf } from '../../../lib/model/names.ts';
import type { ProjectProvider } from './port.ts';

const FILE = 'lighthouse.yaml';
const KEY = 'sli-provider';
const schema = z.object({ [KEY]: z.string().min(1) });

export function providerInGit(configuration: Configuration): ProjectProvider {
  return {
    async of(project) {
      const content = await configuration.read({ project }, FILE);
      if (content === undefined) return undefined;
      const result = schema.safeParse(yamlOf(content.toString('utf8'), project));
      if (result.success) return result.data[KEY];
      throw invalid(project, problemsOf(result.error));
    },
    async set(project, provider) {
      await configuration.write({ project }, FILE, Buffer.from(stringify({ [KEY]: provider })));
    },
  };
}

function yamlOf(text: string, project: string): unknown {
  try {
    return parse(text, { logLevel: 'silent' });
  } catch (error) {
    throw invalid(project, messageOf(error).split('\n', 1)[0] ?? '');
  }
}

const invalid = (project: string, problem: string): Terminal =>
  new Terminal('InvalidField', `${FILE} of project ${project} is not valid: ${problem}`);
