/** Who is logged in, and how one can be. The session itself is a cookie that scripts do not see. */
import { signal } from '@preact/signals';
import { z } from 'zod';

const sessionSchema = z.object({
  user: z.string().nullable(),
  csrf: z.string().optional(),
  ways: z.object({ token: z.boolean(), password: z.boolean(), oidc: z.string().optional() }),
});
export type Session = z.infer<typeof sessionSchema>;

/** Undefined until it is known. */
export const session = signal<Session | undefined>(undefined);
/** Why the last login was refused. */
export const refusal = signal('');

const refusalSchema = z.object({ message: z.string() });

/** Asks who is logged in; a link with a ticket logs in first. */
export async function startSession(): Promise<void> {
  const url = new URL(location.href);
  refusal.value = url.searchParams.get('refused') ?? '';
  const ticket = new URLSearchParams(url.hash.slice(1)).get('ticket');
  if (ticket !== null || refusal.value !== '') {
    // Neither a secret nor an old refusal stays in the address bar and the history.
    url.hash = '';
    url.searchParams.delete('refused');
    history.replaceState(null, '', url);
  }
  if (ticket !== null && (await logIn({ ticket }))) return;
  session.value = sessionSchema.parse(await (await fetch('/auth/session')).json());
}

/** True when it was accepted. */
export async function logIn(credentials: Readonly<Record<string, string>>): Promise<boolean> {
  const response = await fetch('/auth/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  });
  const body: unknown = await response.json();
  if (response.ok) {
    refusal.value = '';
    session.value = sessionSchema.parse(body);
    return true;
  }
  refusal.value = refusalSchema.safeParse(body).data?.message ?? `HTTP ${response.status}`;
  return false;
}

export async function logOut(): Promise<void> {
  await fetch('/auth/logout', { method: 'POST' });
  await startSession();
}
