/** The wait-service as a process of its own, with the environment of 0.6.2: `npm run wait-service`. */
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { runWith } from '../../lib/service/run.ts';
import { waitService, waitSettings } from './handler.ts';

await runWith(
  'wait-service',
  waitSettings,
  ({ WAIT_DURATION: durationMs }) => waitService({ durationMs }),
  connectNatsBus,
);
