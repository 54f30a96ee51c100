/** Queries of sli.yaml before they become rules: a rule that is no PromQL would keep Prometheus from loading all others. */
import { parser } from '@prometheus-io/lezer-promql';

type Node = ReturnType<typeof parser.parse>['topNode'];
type Type = 'vector' | 'scalar' | 'range' | 'string';

/** Functions of a range; all others, and aggregations, take what is at one time. */
const ofRange =
  /^(rate|irate|increase|i?delta|deriv|predict_linear|holt_winters|double_exponential_smoothing|resets|changes|\w+_over_time)$/;

/** The query as an operand that gives a vector, or what is wrong with it. */
export function vectorOf(query: string): { vector: string } | { problem: string } {
  const tree = parser.parse(query);
  const problems: string[] = [];
  tree.iterate({
    enter({ node }) {
      const rest = query.slice(node.from, node.from + 20);
      const at = rest === '' ? 'at its end' : `at ${JSON.stringify(rest)}`;
      if (node.type.isError) problems.push(`is no PromQL ${at}: ${query}`);
      else if (!rangesFit(node, query)) problems.push(`has a range too many, or lacks one, ${at}: ${query}`);
    },
  });
  const [problem] = problems;
  if (problem !== undefined) return { problem };
  const type = typeOf(tree.topNode, query);
  if (type === 'range' || type === 'string') return { problem: `gives a ${type}, no single value: ${query}` };
  // A comment would hide what follows.
  const operand = query.includes('#') ? `(${query}\n)` : `(${query})`;
  return { vector: type === 'scalar' ? `vector${operand}` : operand };
}

/** The grammar takes a range anywhere, Prometheus does not. */
function rangesFit(node: Node, query: string): boolean {
  const hasRange = (of: Node | null): boolean =>
    of !== null && partsOf(of).some((part) => typeOf(part, query) === 'range');
  switch (node.name) {
    case 'FunctionCall':
      return hasRange(node.getChild('FunctionCallBody')) === ofRange.test(nameOf(node, query));
    case 'AggregateExpr':
      return !hasRange(node.getChild('FunctionCallBody'));
    case 'BinaryExpr':
    case 'UnaryExpr':
      return !hasRange(node);
    default:
      return true;
  }
}

const nameOf = (call: Node, query: string): string => /^\w+/.exec(query.slice(call.from))?.[0] ?? '';

/** Two scalars cannot be compared in a rule, and not every function of them is a vector. */
function typeOf(node: Node, query: string): Type {
  const [last, ...others] = partsOf(node).toReversed();
  switch (node.name) {
    case 'NumberDurationLiteral':
      return 'scalar';
    case 'StringLiteral':
      return 'string';
    case 'MatrixSelector':
    case 'SubqueryExpr':
      return 'range';
    case 'FunctionCall': {
      return ['scalar', 'time', 'pi'].includes(nameOf(node, query)) ? 'scalar' : 'vector';
    }
    case 'PromQL':
    case 'ParenExpr':
    case 'UnaryExpr':
      return last ? typeOf(last, query) : 'vector';
    case 'OffsetExpr':
    case 'StepInvariantExpr': {
      const of = others.at(-1);
      return of ? typeOf(of, query) : 'vector';
    }
    case 'BinaryExpr': {
      const of = others.at(-1);
      return last && of && typeOf(last, query) === 'scalar' ? typeOf(of, query) : 'vector';
    }
    default:
      return 'vector';
  }
}

function partsOf(node: Node): Node[] {
  const parts: Node[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name !== 'LineComment') parts.push(child);
  }
  return parts;
}
