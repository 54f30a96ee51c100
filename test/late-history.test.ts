/** What services do while the history, which is told of an event when they are, has not heard of it yet. */
import { join } from 'node:path';
import { expect } from 'chai';
import { eventTypes, type KeptnEvent } from '../lib/events/event.ts';
import { History } from '../lib/history/client.ts';
import { DryRun } from '../services/helm-service/deployer/dry-run.ts';
import { helmService } from '../services/helm-service/handler.ts';
import { startInProcess } from './launch/in-process.ts';
import { tinyChart } from './launch/tiny.ts';

const { configurationChange, deploymentFinished } = eventTypes;
const shipyard =
  'stages: [{ name: dev, deployment_strategy: direct }, { name: staging, deployment_strategy: direct }]\n';

/** A history that has never heard of the event it is asked about, as it is for a moment. */
class LateHistory extends History {
  override async delivery(event: KeptnEvent): Promise<KeptnEvent[]> {
    return (await super.delivery(event)).filter(({ id }) => id !== event.id);
  }
}

describe('the helm-service, told of an event before the history is,', () => {
  it('deploys what has waited for approval', async () => {
    const routes = { domain: 'keptn.example', gateway: 'istio-system/public-gateway' };
    const world = await startInProcess(({ configuration, datastore, directory }) => [
      helmService({
        ...{ configuration, history: new LateHistory(datastore), routes, parallel: 8 },
        deployer: new DryRun({ folder: join(directory, 'dry-run'), helm: undefined }),
      }),
    ]);
    try {
      const project = await world.project(shipyard, tinyChart('carts'));
      const where = { project, stage: 'staging', service: 'carts' };
      const context = await world.send(eventTypes.approvalTriggered, { ...where, image: 'carts', tag: '1' });
      await world.history.wait({ keptnContext: context, type: eventTypes.approvalTriggered });
      const change = { ...where, valuesCanary: { image: 'carts:1' }, canary: { action: 'set', value: 100 } };
      await world.send(configurationChange, change, { shkeptncontext: context });
      expect((await world.event(context, deploymentFinished)).data).to.include({ image: 'carts', tag: '1' });
    } finally {
      await world.close();
    }
  });
});
