/** The line that opens and closes what is below it. */
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';

export function StepHead({ isOpen, children }: { isOpen: Signal<boolean>; children: ComponentChildren }) {
  return (
    <button type="button" class="step-head" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
      <Icon name={isOpen.value ? 'down' : 'next'} />
      {children}
    </button>
  );
}
