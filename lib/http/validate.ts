/**
 * Input at the boundary: zod says what is wrong, the answer says it as 0.6.2 does (go-openapi): status 422, in the
 * field `code` the kind of the problem, in `message` the field and where it is.
 */
import { z } from 'zod';
import { Terminal } from '../errors/classes.ts';

/** go-openapi's numbers: type, required, too long, pattern, maximum, minimum, too many items. */
const problems = [601, 602, 603, 605, 608, 609, 611] as const;
export type FieldProblem = (typeof problems)[number];
const problemSchema = z.object({ problem: z.literal(problems) });

/** A field that is missing or has a value that is not allowed. */
export class FieldError extends Terminal {
  readonly problem: FieldProblem;

  constructor(problem: FieldProblem, message: string) {
    super('InvalidField', message);
    this.problem = problem;
  }
}

export type Where = 'body' | 'query' | 'path' | 'header';

/** The checked value, or a FieldError for the first problem. */
export function validate<T>(schema: z.ZodType<T>, value: unknown, where: Where): T {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (!issue) throw new FieldError(605, `${where} is not valid`);
  const field = issue.path.map(String).join('.');
  throw new FieldError(...describe(issue, field === '' ? where : `${field} in ${where}`));
}

/** For a transform: the issue of a value that is of the wrong type, as `validate` tells it. */
export function wrongType(input: unknown, type: string): z.core.$ZodRawIssue {
  return { code: 'custom', input, message: `must be of type ${type}`, params: { problem: 601 } };
}

const DEFAULT_PAGE = 20;

/** The query parameter `pageSize`, as 0.6.2 has it. */
export function pageSizeUpTo(maximum: number) {
  return z
    .string()
    .transform((text, context) => {
      if (/^-?\d{1,9}$/.test(text)) return Number(text);
      context.issues.push(wrongType(text, `int64: ${JSON.stringify(text).slice(0, 80)}`));
      return z.NEVER;
    })
    .pipe(z.int().min(1).max(maximum))
    .default(DEFAULT_PAGE)
    .meta({ type: 'integer', minimum: 1, maximum, description: `Items of a page, ${DEFAULT_PAGE} without it.` });
}

function describe(issue: z.core.$ZodIssue, name: string): [FieldProblem, string] {
  const missing = issue.input === undefined || issue.input === null || issue.input === '';
  if (issue.code === 'custom')
    return [problemSchema.safeParse(issue.params).data?.problem ?? 605, `${name} ${issue.message}`];
  if (issue.code === 'invalid_type' && !missing) return [601, `${name} must be of type ${issue.expected}`];
  if (missing) return [602, `${name} is required`];
  if (issue.code === 'too_big') {
    if (issue.origin === 'string') return [603, `${name} should be at most ${issue.maximum} chars long`];
    if (issue.origin === 'array') return [611, `${name} should have at most ${issue.maximum} items`];
    return [608, `${name} should be less than or equal to ${issue.maximum}`];
  }
  if (issue.code === 'too_small') return [609, `${name} should be greater than or equal to ${issue.minimum}`];
  return [605, `${name} ${issue.message}`];
}
