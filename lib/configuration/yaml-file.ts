/** A YAML file of a project, held to a schema. */
import { parse } from 'yaml';
import type { z } from 'zod';
import { messageOf, Terminal } from '../errors/classes.ts';
import { problemsOf } from '../model/names.ts';

/** `Terminal` for what is no YAML or does not fit; `name`: of the file, for its message. */
export function parseYamlFile<T>(content: string, schema: z.ZodType<T>, name: string): T {
  let value: unknown;
  try {
    value = parse(content);
  } catch (error) {
    throw new Terminal('InvalidField', `${name} is no YAML: ${messageOf(error)}`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Terminal('InvalidField', `${name}: ${problemsOf(parsed.error)}`);
  return parsed.data;
}
