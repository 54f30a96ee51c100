/** A list of any length: only the rows that are seen are in the page. All rows have one height. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export interface VirtualListProps<T> {
  items: readonly T[];
  rowHeight: number;
  keyOf: (item: T) => string;
  row: (item: T, index: number) => ComponentChildren;
  label: string;
  class?: string;
  /** The end is near: time to read more. */
  onEnd?: () => void;
  /** True while the newest rows are in view. */
  onTop?: (isTop: boolean) => void;
  /** Above the rows, and always in view. */
  head?: ComponentChildren;
}

const BEYOND = 8;

export function VirtualList<T>(props: VirtualListProps<T>) {
  const { items, rowHeight, keyOf, row, label, head, onEnd, onTop } = props;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(800);
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => (height.value = element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(top.value / rowHeight) - BEYOND);
  const last = Math.min(items.length, Math.ceil((top.value + height.value) / rowHeight) + BEYOND);
  useEffect(() => {
    if (last >= items.length) onEnd?.();
  }, [last, items.length]);
  const scrolled = (): void => {
    top.value = box.current?.scrollTop ?? 0;
    onTop?.(top.value < rowHeight);
  };
  return (
    <div
      class={`virtual ${props.class ?? ''}`}
      ref={box}
      onScroll={scrolled}
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      {head}
      <div class="virtual-rows" role="list" style={{ height: `${items.length * rowHeight}px` }}>
        {items.slice(first, last).map((item, nth) => (
          <div
            key={keyOf(item)}
            class="virtual-row"
            role="listitem"
            aria-posinset={first + nth + 1}
            aria-setsize={items.length}
            style={{ height: `${rowHeight}px`, transform: `translateY(${(first + nth) * rowHeight}px)` }}
          >
            {row(item, first + nth)}
          </div>
        ))}
      </div>
    </div>
  );
}
