/** remediation.yaml, of Keptn 0.6.2 or of 0.7: what is to be done about which problem, one action after another. */
import { z } from 'zod';
import { parseYamlFile } from '../../lib/configuration/yaml-file.ts';
import { duration } from '../../lib/model/duration.ts';
import { goText as text } from '../../lib/model/go-text.ts';

const scaling = z.object({
  action: z.literal('scaling'),
  value: z.union([z.string(), z.int()]).transform(Number).pipe(z.int().min(-100).max(100)),
});
const slowdown = z.object({
  action: z.literal('slowdown'),
  value: z.string().regex(/^\d+(ms|s|m)$/, 'must be a time such as 5s'),
});
const abort = z.object({ action: z.literal('abort') });
const featuretoggle = z.object({
  action: z.literal('featuretoggle'),
  value: z.string().regex(/^[\w.-]+:(on|off)$/, 'must be name:on or name:off'),
});

const builtIn = z.discriminatedUnion('action', [scaling, slowdown, abort, featuretoggle]);
export type BuiltIn = z.output<typeof builtIn>;
export type ChartAction = Exclude<BuiltIn, { action: 'featuretoggle' }>;

export const builtInNames: readonly string[] = builtIn.options.map(({ shape }) => shape.action.value);

const action = z
  .looseObject({
    name: text,
    description: text,
    action: z.string().regex(/^[A-Za-z][\w.-]*$/, 'must be the name of an action'),
    value: z.unknown().optional(),
    /** Ours: how long it has time to help before an evaluation tells whether it did. */
    wait: duration.optional(),
  })
  .superRefine((given, context) => {
    const issues = builtInNames.includes(given.action) ? builtIn.safeParse(given).error?.issues : [];
    for (const { path, message } of issues ?? []) context.addIssue({ code: 'custom', path, message });
  });
export type Action = z.output<typeof action>;

const actions = z.array(action).min(1);
const plan062 = z.object({ remediations: z.array(z.object({ name: z.string().min(1), actions })) });
const plan07 = z.object({
  spec: z.object({
    remediations: z.array(z.object({ problemType: z.string().min(1), actionsOnOpen: actions })),
  }),
});

/**
 * The actions for a problem, by the first entry whose name its title begins with, or, in a file of 0.7, by the entry
 * `default`; `Terminal` for a file that is wrong.
 */
export function actionsFor(title: string, content: string, file: string): Action[] {
  if (!/^apiVersion:/m.test(content)) {
    const { remediations } = parseYamlFile(content, plan062, file);
    return remediations.find(({ name }) => title.startsWith(name))?.actions ?? [];
  }
  const { remediations } = parseYamlFile(content, plan07, file).spec;
  const found =
    remediations.find(({ problemType }) => title.startsWith(problemType)) ??
    remediations.find(({ problemType }) => problemType === 'default');
  return found?.actionsOnOpen ?? [];
}

/** As it is done here; undefined for an action that a service of its own does. */
export function builtInOf(given: { action: string; value?: unknown }): BuiltIn | undefined {
  return builtIn.safeParse(given).data;
}
