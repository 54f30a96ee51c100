/** Feature toggles by Unleash's API, as 0.6.2 speaks with it. */
import { z } from 'zod';
import { messageOf, Terminal, Transient } from '../../lib/errors/classes.ts';
import { withDeadline } from '../../lib/errors/deadline.ts';

const DEADLINE_MS = 10_000;

/** The keys of the Secret `unleash` of 0.6.2. */
export const unleashSettings = z.object({
  UNLEASH_SERVER_URL: z.url().optional(),
  UNLEASH_USER: z.string().default(''),
  UNLEASH_TOKEN: z.string().default(''),
});
export type UnleashSettings = z.output<typeof unleashSettings>;

/** Switches a toggle; the same again changes nothing. */
export async function toggle(settings: UnleashSettings, name: string, to: 'on' | 'off'): Promise<void> {
  const { UNLEASH_SERVER_URL: url, UNLEASH_USER: user, UNLEASH_TOKEN: token } = settings;
  if (url === undefined) {
    throw new Terminal(
      'InvalidField',
      `feature ${name} cannot be switched: set UNLEASH_SERVER_URL of remediation-service`,
    );
  }
  const target = `${url.replace(/\/$/, '')}/admin/features/${encodeURIComponent(name)}/toggle/${to}`;
  const headers = { authorization: `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}` };
  const status = await withDeadline(DEADLINE_MS, async (signal) => {
    const response = await fetch(target, { method: 'POST', headers, signal });
    await response.body?.cancel();
    return response.status;
  }).catch((error: unknown) => {
    throw new Transient(`Unleash does not answer: ${messageOf(error)}`, { cause: error });
  });
  if (status >= 500) throw new Transient(`Unleash answers HTTP ${status}`);
  if (status >= 400) throw new Terminal('Rejected', `Unleash does not switch ${name}: HTTP ${status}`);
}
