/** The few drawings of the page; they say nothing that the text beside them does not. */
const paths = {
  check: 'M3.5 8.5l3 3 6-7',
  cross: 'M4 4l8 8M12 4l-8 8',
  alert: 'M8 3.2v6M8 12.2v.6',
  running: 'M8 2.5a5.5 5.5 0 1 1-5.5 5.5',
  hand: 'M8 4v4.2l2.6 1.6',
  pause: 'M5.5 4v8M10.5 4v8',
  dash: 'M4 8h8',
  stop: 'M4.5 4.5h7v7h-7z',
  next: 'M6 3.5L10.5 8 6 12.5',
  down: 'M3.5 6L8 10.5 12.5 6',
  play: 'M5 3.5l7 4.5-7 4.5z',
  copy: 'M5.5 5.5h7v7h-7zM3.5 10.5v-7h7',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1',
  moon: 'M12.8 9.6A5.4 5.4 0 0 1 6.4 3.2a5.4 5.4 0 1 0 6.4 6.4z',
  file: 'M4 2.5h5l3 3v8H4zM9 2.5v3h3',
  folder: 'M2.5 4.5h4l1.5 1.5h5.5v7h-11z',
} as const;
export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
