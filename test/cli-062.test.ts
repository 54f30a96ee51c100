/**
 * What the 0.6.2 command line sends, recorded from its binary (fixtures/cli-0.6.2.json), against ours: each request is
 * answered as it wants, and what it waits for on the websocket comes to its end.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { root } from './launch/node-process.ts';
import { startStandalone, until, type Standalone } from './launch/standalone.ts';

const recorded = z.array(
  z.object({
    command: z.string(),
    method: z.string(),
    path: z.string(),
    status: z.int(),
    body: z.string().optional(),
  }),
);
const begun = z.object({ keptnContext: z.string(), token: z.string() });

/** How the last line begins that a command waits for; a delivery goes on behind it. */
const ends: Record<string, string> = {
  'keptn create project': 'Shipyard successfully processed',
  'keptn create service': 'Service front created',
  'keptn onboard service': 'Service carts created',
  'keptn configure monitoring': 'Prometheus scrapes carts in ',
  'keptn delete project': 'Project clishop deleted',
};

describe('the 0.6.2 command line', () => {
  let keptn: Standalone;

  before(async () => {
    keptn = await startStandalone();
  });
  after(() => keptn.stop());

  it('is answered as it wants to be, command by command', async () => {
    const fixture = await readFile(join(root, 'test/fixtures/cli-0.6.2.json'), 'utf8');
    let context: z.infer<typeof begun> | undefined;
    for (const { command, method, path, status, body } of recorded.parse(JSON.parse(fixture))) {
      if (method !== 'WEBSOCKET') {
        const answer = await keptn.ask(`${method} ${path}`, body);
        expect(answer.status, command).to.equal(status);
        context = begun.safeParse(answer.json).data;
        continue;
      }
      if (!context) throw new Error(`${command}: nothing has begun`);
      const reader = await keptn.listen({ Token: context.token, 'Keptn-Ws-Channel-Id': context.keptnContext });
      const end = Object.entries(ends).find(([start]) => command.startsWith(start))?.[1];
      if (end !== undefined) {
        // There it stops listening: what helm-service tells besides may come behind it.
        const last = () => reader.lines.find(({ terminate }) => terminate);
        await until(end, () => last() !== undefined);
        expect(last()?.message.slice(0, end.length), command).to.equal(end);
      }
      reader.socket.terminate();
    }
  });
});
