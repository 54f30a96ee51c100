/** Narrows a list by name. */
import type { Signal } from '@preact/signals';

export function FilterField({
  label,
  placeholder,
  value,
}: {
  label: string;
  placeholder: string;
  value: Signal<string>;
}) {
  return (
    <input
      type="search"
      placeholder={placeholder}
      aria-label={label}
      value={value.value}
      onInput={(event) => (value.value = event.currentTarget.value)}
    />
  );
}
