/** Dark or light: as the system has it, until somebody chooses. */
import { signal } from '@preact/signals';

type Theme = 'dark' | 'light';
const KEY = 'keptn-bridge-theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const stored = localStorage.getItem(KEY);

export const theme = signal<Theme>(stored === 'dark' || stored === 'light' ? stored : ofSystem());
system.addEventListener('change', () => {
  if (localStorage.getItem(KEY) === null) theme.value = ofSystem();
  applyTheme();
});

function ofSystem(): Theme {
  return system.matches ? 'dark' : 'light';
}

export function applyTheme(): void {
  document.documentElement.dataset['theme'] = theme.value;
}

export function toggleTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark';
  localStorage.setItem(KEY, theme.value);
  applyTheme();
}
