/** Text of a machine: as it is, to be read and copied. */
import { useSignal } from '@preact/signals';
import { Icon } from './icon.tsx';

export function Code({ text, label }: { text: string; label: string }) {
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    copied.value = true;
    setTimeout(() => (copied.value = false), 1_500);
  };
  return (
    <div class="code">
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <button type="button" class="copy" onClick={() => void copy()} aria-label={`Copy ${label}`}>
        {copied.value ? 'Copied' : <Icon name="copy" />}
      </button>
    </div>
  );
}

/** A value as indented JSON; a long one is cut, and says so. */
export function shownJson(value: unknown, max = 200_000): string {
  const text = JSON.stringify(value, null, 2) ?? '';
  return text.length > max ? `${text.slice(0, max)}\n… ${text.length - max} more characters` : text;
}
