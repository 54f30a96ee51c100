/** What a command shows: results on stdout as a table, JSON or YAML; progress and errors on stderr. */
import { styleText } from 'node:util';

export const formats = ['table', 'wide', 'json', 'yaml'] as const;
export type Format = (typeof formats)[number];

export interface Column<T> {
  title: string;
  of: (item: T) => string;
  /** Only with `-o wide`. */
  isWide?: boolean;
}

export class Output {
  readonly format: Format;
  readonly #isQuiet: boolean;
  /** Of the columns of the table so far. */
  #widths: number[] = [];

  constructor(format: Format, isQuiet: boolean) {
    this.format = format;
    this.#isQuiet = isQuiet;
  }

  /** A line of progress. */
  line(level: string, text: string): void {
    if (this.#isQuiet && level !== 'ERROR') return;
    const style = level === 'ERROR' ? 'red' : level === 'WARN' ? 'yellow' : undefined;
    process.stderr.write(`${style ? styleText(style, plain(text), { stream: process.stderr }) : plain(text)}\n`);
  }

  /** Results: `items` as they are for programs, in columns for people. */
  async items<T>(items: readonly T[], columns: readonly Column<T>[], empty: string): Promise<void> {
    if (this.format === 'json' || this.format === 'yaml') return this.value(items);
    if (items.length === 0) return this.line('INFO', empty);
    const shown = this.#shown(columns);
    this.#table([shown.map(({ title }) => title), ...items.map((item) => cells(item, shown))]);
  }

  /** The cells of an item in this format, without a title: what --watch shows of each change. */
  row<T>(item: T, columns: readonly Column<T>[]): void {
    if (this.format === 'json' || this.format === 'yaml') process.stdout.write(`${JSON.stringify(item)}\n`);
    else this.#table([cells(item, this.#shown(columns))]);
  }

  #shown<T>(columns: readonly Column<T>[]): Column<T>[] {
    return columns.filter(({ isWide }) => !isWide || this.format === 'wide');
  }

  #table(rows: readonly string[][]): void {
    this.#widths = (rows[0] ?? []).map((_, n) =>
      Math.max(this.#widths[n] ?? 0, ...rows.map((row) => row[n]?.length ?? 0)),
    );
    for (const row of rows) {
      const line = row.map((cell, n) => cell.padEnd(this.#widths[n] ?? 0)).join('   ');
      process.stdout.write(`${line.trimEnd()}\n`);
    }
  }

  async value(value: unknown): Promise<void> {
    if (this.format === 'yaml') process.stdout.write((await import('yaml')).stringify(value));
    else process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  }
}

const cells = <T>(item: T, columns: readonly Column<T>[]): string[] => columns.map(({ of }) => plain(of(item)));

/** What others wrote must not steer the terminal. */
function plain(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ');
}
