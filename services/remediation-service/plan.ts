/** remediation.yaml: what is to be done about which problem. */
import { z } from 'zod';
import { parseYamlFile } from '../../lib/configuration/yaml-file.ts';

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
  const { remediations } = parseYamlFile(content, schema, file);
  return remediations.find(({ name }) => title.startsWith(name))?.actions[0];
}
