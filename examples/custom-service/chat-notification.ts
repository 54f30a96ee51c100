/** Tells a chat what came out of each evaluation: POST of `{"text": "…"}` to CHAT_WEBHOOK, as Slack and Mattermost take it. */
import { z } from 'zod';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Transient } from '../../lib/errors/classes.ts';
import { run } from '../../lib/service/run.ts';
import { on, type Service } from '../../lib/service/service.ts';

const webhook = z.url().parse(process.env['CHAT_WEBHOOK']);

const evaluation = z.object({ project: z.string(), stage: z.string(), service: z.string(), result: z.string() });

const chatNotification: Service = {
  name: 'chat-notification',
  subscriptions: [
    on('sh.keptn.events.evaluation-done', evaluation, async ({ data }, { log, signal }) => {
      const text = `${data.project}/${data.service} in ${data.stage}: ${data.result}`;
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(webhook, { method: 'POST', headers, body: JSON.stringify({ text }), signal });
      if (!answer.ok) throw new Transient(`the chat answered ${answer.status}`);
      log.info(`told the chat: ${text}`);
    }),
  ],
};

await run(chatNotification, connectNatsBus);
