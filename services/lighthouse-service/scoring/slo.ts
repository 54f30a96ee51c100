/** slo.yaml: what a user writes, checked, with 0.6.2's defaults; and the form in which an evaluation shows it. */
import { parseDocument, stringify } from 'yaml';
import { z } from 'zod';
import { messageOf } from '../../../lib/errors/classes.ts';
import { problemsOf } from '../../../lib/model/names.ts';

/** Who writes 90 or 1.0 without quotes means the text. */
const text = z.union([z.string(), z.number().transform(String)]);
const percentage = text
  .refine(
    (given) => given === '' || percentOf(given) !== undefined,
    'must be a percentage from 0 to 100, such as "90%"',
  )
  .nullish();

const sets = z
  .array(z.object({ criteria: z.array(text).nullish() }).transform(({ criteria }) => ({ criteria: criteria ?? [] })))
  .nullish()
  .transform((given) => (given?.length ? given : null));

/** 0 and an empty text are Go's way to say that nothing was given. */
const orDefault = <T>(schema: z.ZodType<T>, value: T) =>
  z
    .preprocess((given) => (given === null || given === 0 || given === '' ? undefined : given), schema.optional())
    .transform((given) => given ?? value);

/** 100 is the largest page of the datastore. */
const count = z.int().min(1).max(100);

const comparison = z.object({
  // 0.6.2 compares with three results where the file does not say with how many.
  compare_with: z
    .enum(['single_result', 'several_results', ''])
    .nullish()
    .transform((given) => given ?? ''),
  include_result_with_score: orDefault(z.enum(['all', 'pass', 'pass_or_warn']), 'all'),
  number_of_comparison_results: orDefault(count, 3),
  aggregate_function: orDefault(z.enum(['avg', 'p50', 'p90', 'p95']), 'avg'),
});
export type Comparison = z.output<typeof comparison>;

/** Of a file that says nothing about comparisons. */
const noComparison: Comparison = {
  compare_with: 'single_result',
  include_result_with_score: 'all',
  number_of_comparison_results: 1,
  aggregate_function: 'avg',
};

const objective = z.object({
  sli: z.string().min(1),
  pass: sets,
  warning: sets,
  weight: orDefault(z.int().min(1), 1),
  key_sli: z
    .boolean()
    .nullish()
    .transform((given) => given ?? false),
});
export type Objective = z.output<typeof objective>;

const sloSchema = z
  .object({
    spec_version: text.nullish().transform((given) => given ?? ''),
    filter: z
      .record(z.string(), text)
      .nullish()
      .transform((given) => given ?? null),
    comparison: comparison.nullish().transform((given) => given ?? noComparison),
    objectives: z.array(objective),
    total_score: z
      .object({ pass: percentage, warning: percentage })
      .nullish()
      .transform((given) => ({ pass: given?.pass ?? '', warning: given?.warning ?? '' })),
  })
  .refine(({ objectives, total_score }) => total_score.pass !== '' || objectives.every(({ pass }) => pass === null), {
    path: ['total_score', 'pass'],
    message: 'is missing',
  });
export type Slo = z.output<typeof sloSchema>;

/** The objectives in the text of a slo.yaml, or a sentence about what is wrong with it. */
export function parseSlo(content: string): { slo: Slo } | { problem: string } {
  try {
    const document = parseDocument(content);
    const [error] = document.errors;
    if (error) return { problem: firstLine(error.message) };
    const result = sloSchema.safeParse(document.toJS());
    return result.success ? { slo: result.data } : { problem: problemsOf(result.error) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** All fields, with what was filled in, in the order of the alphabet. */
export function showSlo(slo: Slo): string {
  return stringify(slo, { sortMapEntries: true, lineWidth: 0 });
}

/** Of how many results before this one the file speaks. */
export function comparedResults({ compare_with: how, number_of_comparison_results: given }: Comparison): number {
  if (how === 'single_result') return 1;
  return how === 'several_results' ? given : 3;
}

/** The number in `90%` or `90`; undefined when it is none from 0 to 100. */
export function percentOf(given: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*%?\s*$/.exec(given);
  const value = Number(match?.[1]);
  return match && value <= 100 ? value : undefined;
}

/** The lines after it draw the place in the file. */
const firstLine = (message: string): string => message.split('\n', 1)[0] ?? message;
