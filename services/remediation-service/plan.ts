/** remediation.yaml: what is to be done about which problem. */
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf, Terminal } from '../../lib/errors/classes.ts';
import { problemsOf } from '../../lib/model/names.ts';

const action = z.discriminatedUnion('action', [
  z.object({
    action: z.literal('scaling'),
    value: z.union([z.string(), z.int()]).transform(Number).pipe(z.int().min(-100).max(100)),
  }),
  z.object({ action: z.literal('slowdown'), value: z.string().regex(/^\d+(ms|s|m)$/, 'must be a time such as 5s') }),
  z.object({ action: z.literal('abort') }),
  z.object({
    action: z.literal('featuretoggle'),
    value: z.string().regex(/^[\w.-]+:(on|off)$/, 'must be name:on or name:off'),
  }),
]);
export type Action = z.infer<typeof action>;

const schema = z.object({
  remediations: z.array(z.object({ name: z.string().min(1), actions: z.array(action).min(1) })),
});

/** The action for a problem by the first entry whose name its title begins with; `Terminal` for a file that is wrong. */
export function actionFor(title: string, content: string, file: string): Action | undefined {
  let value: unknown;
  try {
    value = parse(content);
  } catch (error) {
    throw new Terminal('InvalidField', `${file} is no YAML: ${messageOf(error)}`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Terminal('InvalidField', `${file}: ${problemsOf(parsed.error)}`);
  return parsed.data.remediations.find(({ name }) => title.startsWith(name))?.actions[0];
}
