/** What a person sees of the standalone process: a table of objects, then a line for each change, event and problem. */
import { styleText } from 'node:util';
import { eventTypes, textIn, type KeptnEvent } from '../lib/events/event.ts';
import { configurationChange } from '../lib/events/workflow.ts';
import { kindNames, type Stored } from '../lib/model/object.ts';
import { findCondition } from '../lib/model/status.ts';
import type { ObjectView } from '../lib/resources/view.ts';

type Style = Parameters<typeof styleText>[0];

export interface Row {
  kind: string;
  name: string;
  what: string;
  ready: string;
  reason: string;
  commit: string;
}

const titles: Row = {
  kind: 'KIND',
  name: 'NAME',
  what: 'DECLARES',
  ready: 'READY',
  reason: 'REASON',
  commit: 'COMMIT',
};
const columns = ['kind', 'name', 'what', 'ready', 'reason', 'commit'] as const;

function declared(object: Stored): string {
  const { spec } = object;
  if ('uri' in spec)
    return [spec.project, spec.stage ?? (spec.service ? '*' : ''), spec.service, spec.uri]
      .filter((part) => part)
      .join('/');
  if ('artifact' in spec) return spec.artifact?.image ?? '';
  if ('order' in spec) return `${spec.project}: ${spec.deploymentStrategy}`;
  return object.status?.stageOrder ?? '';
}

export function rowOf(object: Stored): Row {
  const ready = findCondition(object.status, 'Ready');
  return {
    kind: object.kind,
    name: object.metadata.name,
    what: declared(object),
    ready: ready?.status ?? 'Unknown',
    reason: object.metadata.deletionTimestamp ? 'Deleting' : (ready?.reason ?? ''),
    commit: object.status?.commit?.slice(0, 8) ?? '',
  };
}

export interface View {
  line(mark: string, style: Style, text: string): void;
  table(objects: ObjectView): void;
  /** One object after a change. */
  object(object: Stored, deleted: boolean): void;
  /** A Service whose delivery has ended. */
  delivered(object: Stored): void;
  event(event: KeptnEvent): void;
}

/** Writes to `out`; colours only on a terminal and without NO_COLOR. */
export function createView(out: NodeJS.WriteStream): View {
  const paint = (style: Style, text: string): string => styleText(style, text, { stream: out });
  const clock = (): string => paint('dim', new Date().toLocaleTimeString('en-GB'));
  const line = (mark: string, style: Style, text: string): void =>
    void out.write(`${clock()} ${paint(style, mark)} ${text}\n`);
  return {
    line,
    table(objects) {
      const rows = [titles, ...kindNames.flatMap((kind) => objects.list(kind).map(rowOf))];
      const widths = columns.map((column) => Math.max(...rows.map((row) => row[column].length)));
      for (const row of rows) {
        const cells = columns.map((column, index) => row[column].padEnd(widths[index] ?? 0));
        const text = cells.join('  ').trimEnd();
        out.write(`${row === titles ? paint('bold', text) : row.ready === 'True' ? text : paint('yellow', text)}\n`);
      }
    },
    object(object, deleted) {
      const row = rowOf(object);
      const name = `${row.kind} ${row.name}`;
      if (deleted) return line('-', 'dim', `${name} is gone`);
      const message = findCondition(object.status, 'Ready')?.message ?? '';
      if (row.ready === 'True')
        line('✓', 'green', `${name}: ${message}${row.commit && paint('dim', ` (commit ${row.commit})`)}`);
      else if (row.reason !== '') line('…', 'yellow', `${name}: ${row.reason}, ${message}`);
    },
    delivered({ kind, metadata, status }) {
      const condition = findCondition(status, 'Delivered');
      const [mark, style] = condition?.status === 'True' ? (['✓', 'green'] as const) : (['✗', 'red'] as const);
      line(mark, style, `${kind} ${metadata.name}: ${plain(condition?.message ?? '')}`);
    },
    event({ type, source, data, shkeptncontext }) {
      if (type === eventTypes.log) return line('·', 'dim', plain(`${source}: ${textIn(data, 'message') ?? ''}`));
      const where = ['project', 'service'].flatMap((name) => textIn(data, name) ?? []).join('/');
      const stage = textIn(data, 'stage') ?? '';
      const place = stage !== '' ? `in ${stage}` : '';
      const text = [
        where && paint('bold', plain(where)),
        plain(place),
        plain(changeOf(type, data)),
        paint('dim', `context ${plain(shkeptncontext)}`),
      ];
      line('⚡', 'cyan', [type, ...text.filter((part) => part !== '')].join(' '));
    },
  };
}

/** What a configuration.change is about: an image that is deployed, or what becomes of one. */
function changeOf(type: string, data: unknown): string {
  if (type !== eventTypes.configurationChange) return '';
  const { valuesCanary, canary } = configurationChange.safeParse(data).data ?? {};
  return textIn(valuesCanary, 'image') ?? canary?.action ?? '';
}

/** What others wrote must not steer the terminal. */
function plain(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ').slice(0, 200);
}
