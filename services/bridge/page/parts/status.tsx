/** How something stands: a shape, a colour and a word, so that no one of them has to be seen. */
import { Icon, type IconName } from './icon.tsx';

export type Tone = 'ok' | 'warn' | 'bad' | 'run' | 'wait' | 'off';

const icons: Record<Tone, IconName> = {
  ok: 'check',
  warn: 'alert',
  bad: 'cross',
  run: 'running',
  wait: 'hand',
  off: 'dash',
};

const phaseTones: Partial<Record<string, Tone>> = {
  Ready: 'ok',
  Failed: 'bad',
  Aborted: 'bad',
  Superseded: 'off',
  Approving: 'wait',
  Paused: 'wait',
};

/** Of a phase of a delivery; what is none of the known ends is on its way. */
export const toneOfPhase = (phase: string): Tone => phaseTones[phase] ?? 'run';

/** Of an evaluation, a test, a delivery or a problem. */
export function toneOfResult(result: string): Tone {
  if (result === 'pass' || result === 'passed') return 'ok';
  if (result === 'warning') return 'warn';
  if (result === 'fail' || result === 'failed' || result === 'aborted') return 'bad';
  return 'off';
}

export function Status({ tone, children, quiet = false }: { tone: Tone; children: string; quiet?: boolean }) {
  return (
    <span class={`status tone-${tone}${quiet ? ' status-quiet' : ''}`}>
      <Mark tone={tone} />
      {children}
    </span>
  );
}

/** The shape alone, where the word stands elsewhere. */
export function Mark({ tone }: { tone: Tone }) {
  return (
    <span class={`mark tone-${tone}`}>
      <Icon name={icons[tone]} />
    </span>
  );
}
