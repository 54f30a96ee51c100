/** Texts of a plan with `${variable}` and `${__function(…)}` in them: read once, filled in for each request. */

export interface Filling {
  properties: Readonly<Record<string, string>>;
  variables: ReadonlyMap<string, string>;
  /** From 1, within its thread group. */
  threadNumber: number;
  samplerName: string;
}

export type Template = (filling: Filling) => string;

type Function = (args: readonly string[], filling: Filling) => string;

const functions = new Map<string, Function>([
  // What JMeter gives for a property that nobody has set and that has no default.
  ['__P', ([name = '', otherwise = '1'], { properties }) => valueOf(properties, name) ?? otherwise],
  ['__threadNum', (_, { threadNumber }) => String(threadNumber)],
  ['__UUID', () => crypto.randomUUID()],
  ['__samplerName', (_, { samplerName }) => samplerName],
  ['__time', () => String(Date.now())],
]);

const valueOf = (properties: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(properties, name) ? properties[name] : undefined;

/** `unknown` is told of each function that the http runner does not have. */
export function templateOf(text: string, unknown: (name: string) => void): Template {
  return new Reader(text, unknown).read('');
}

class Reader {
  readonly #text: string;
  readonly #unknown: (name: string) => void;
  #at = 0;

  constructor(text: string, unknown: (name: string) => void) {
    this.#text = text;
    this.#unknown = unknown;
  }

  /** Up to one of the characters `ends`, which is not taken, or to the end of the text. */
  read(ends: string): Template {
    const parts: Template[] = [];
    let literal = '';
    const flush = (): void => {
      const said = literal;
      if (said !== '') parts.push(() => said);
      literal = '';
    };
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? '';
      if (ends.includes(char)) break;
      // Between parentheses a backslash makes a comma one of the text.
      if (char === '\\' && '\\,$'.includes(this.#text[this.#at + 1] ?? ' ') && ends !== '') {
        literal += this.#text[this.#at + 1] ?? '';
        this.#at += 2;
      } else if (this.#text.startsWith('${', this.#at)) {
        flush();
        parts.push(this.#reference());
      } else {
        literal += char;
        this.#at += 1;
      }
    }
    flush();
    const [first, second] = parts;
    if (first === undefined) return () => '';
    return second === undefined ? first : (filling) => parts.map((part) => part(filling)).join('');
  }

  #reference(): Template {
    const start = this.#at;
    const [, name = '', next] = /^\$\{\s*([^\s(){}$]+)\s*([({}]?)/.exec(this.#text.slice(start, start + 200)) ?? [];
    const literal = (): Template => {
      this.#at = start + 2;
      return () => '${';
    };
    if (name === '' || (next !== '(' && next !== '}')) return literal();
    this.#at = this.#text.indexOf(next, start + 2) + 1;
    const args = next === '(' ? this.#arguments() : [];
    if (args === undefined) return literal();
    if (!name.startsWith('__')) {
      // A variable that there is not stays as it is written, as in JMeter.
      return ({ variables }) => variables.get(name) ?? `\${${name}}`;
    }
    const called = functions.get(name);
    if (called === undefined) {
      this.#unknown(name);
      return () => '';
    }
    return (filling) =>
      called(
        args.map((arg) => arg(filling)),
        filling,
      );
  }

  /** Behind the opening parenthesis, up to `)}`; undefined when it is not closed. */
  #arguments(): Template[] | undefined {
    const args: Template[] = [];
    for (;;) {
      const arg = this.read(',)');
      const end = this.#text[this.#at];
      this.#at += 1;
      if (end === undefined) return undefined;
      // `${__UUID()}` has no argument, and not an empty one.
      if (end === ',' || args.length > 0 || this.#text[this.#at - 2] !== '(') args.push(arg);
      if (end === ',') continue;
      if (this.#text[this.#at] !== '}') return undefined;
      this.#at += 1;
      return args;
    }
  }
}
