/** Where one is: the address bar is the state, so that every view can be shared and the back button works. */
import { computed, signal } from '@preact/signals';

const address = signal(new URL(location.href));
export const path = computed(() => address.value.pathname);
export const query = computed(() => address.value.searchParams);

addEventListener('popstate', () => (address.value = new URL(location.href)));

/** `replace`: no step for the back button, as for a filter that is typed. */
export function go(to: string, { replace = false } = {}): void {
  const next = new URL(to, location.href);
  if (next.href === location.href) return;
  const isOtherPage = next.pathname !== location.pathname;
  if (replace) history.replaceState(null, '', next);
  else history.pushState(null, '', next);
  address.value = next;
  if (isOtherPage) scrollTo(0, 0);
}

/** Changes of the query; an empty text takes a field away. */
export function ask(changes: Readonly<Record<string, string | undefined>>, replace = true): void {
  go(linkTo(location.pathname, { ...Object.fromEntries(query.value), ...changes }), { replace });
}

/** An address with the fields that are not empty. */
export function linkTo(pathname: string, fields: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(fields).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '',
  );
  const search = new URLSearchParams(given).toString();
  return search === '' ? pathname : `${pathname}?${search}`;
}

const segment = encodeURIComponent;
export const links = {
  projects: () => '/',
  project: (project: string) => `/project/${segment(project)}`,
  service: (project: string, service: string) => `/project/${segment(project)}/${segment(service)}`,
  sequence: (keptnContext: string, selector?: string) =>
    `/trace/${segment(keptnContext)}${selector ? `/${segment(selector)}` : ''}`,
};

/** Links of our own stay in the page; new tabs, other sites and downloads are the browser's. */
export function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.target || link.origin !== location.origin || link.pathname.startsWith('/auth/')) return;
  // A jump within the page.
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  go(link.href);
}
