/** Whether a Keptn of another version fits this command line. */
import { z } from 'zod';

export const metadata = z.object({ keptnversion: z.string() });

/** As 0.6.2 decides it: the same major and minor. */
export function fits(own: string, keptn: string): boolean {
  const head = (version: string): string => version.split('.').slice(0, 2).join('.');
  return head(own) === head(keptn);
}
