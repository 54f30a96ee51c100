/** The fields of questions. */
import type { Signal } from '@preact/signals';

export function Choice({
  label,
  value,
  options,
}: {
  label: string;
  value: Signal<string>;
  options: readonly string[];
}) {
  return (
    <label>
      {label}
      <select value={value.value} onChange={(event) => (value.value = event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

export function TextField(props: { label: string; value: Signal<string>; placeholder?: string }) {
  const { label, value, placeholder } = props;
  return (
    <label>
      {label}
      <input
        value={value.value}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => (value.value = event.currentTarget.value)}
      />
    </label>
  );
}
