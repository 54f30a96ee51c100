/** Real users test a deployment for a while: then the evaluation may begin. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { eventTypes } from '../../lib/events/event.ts';
import { seconds } from '../../lib/events/time.ts';
import { deploymentFinished, type TestsFinished } from '../../lib/events/workflow.ts';
import { duration } from '../../lib/model/duration.ts';
import { on, type Service } from '../../lib/service/service.ts';
import { unlessAborted, type Aborted } from '../../lib/service/unless-aborted.ts';

const ASK_MS = 5_000;

/** As in 0.6.2, which took what it could not read for no wait at all. */
export const waitSettings = z.object({ WAIT_DURATION: duration.default(600_000) });

export interface WaitServiceSettings {
  durationMs: number;
  aborted?: Aborted | undefined;
}

export function waitService({ durationMs, aborted }: WaitServiceSettings): Service {
  return {
    name: 'wait-service',
    concurrency: 500,
    timeoutMs: durationMs + 60_000,
    // To wait again costs nothing, and each restart of the process is a try.
    maxAttempts: 1_000,
    subscriptions: [
      on(eventTypes.deploymentFinished, deploymentFinished, async (event, { log, signal }) => {
        const { project, stage, service, teststrategy, deploymentstrategy, labels } = event.data;
        if (teststrategy.toLowerCase() !== 'real-user') return [];
        // Counted from the event, so that who comes after a restart waits for the rest alone.
        const start = Math.min(Date.parse(event.time), Date.now());
        const restMs = Math.max(0, start + durationMs - Date.now());
        log.info(`waits ${Math.ceil(restMs / 1000)} s for real users of ${service} in ${stage}`);
        const asking = { aborted, keptnContext: event.shkeptncontext, everyMs: ASK_MS, signal };
        const waited = await unlessAborted(asking, async (both) => sleep(restMs, 'over', { signal: both }));
        if (waited === 'aborted') {
          log.info('aborted: nobody waits any more');
          return [];
        }
        log.info(`real users have had ${service} in ${stage} since ${seconds(start)}`);
        const data: TestsFinished = {
          ...{ project, stage, service, teststrategy, deploymentstrategy, labels },
          start: seconds(start),
          end: seconds(Date.now()),
          // As in 0.6.2: nothing was tested that could fail, the evaluation decides.
          result: '',
        };
        return [{ type: eventTypes.testsFinished, data }];
      }),
    ],
  };
}
