/** A problem in production on a cluster with simulated nodes and the real helm, from Alertmanager's webhook to the replicas. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { z } from 'zod';
import { eventTypes, textIn, type KeptnEvent } from '../lib/events/event.ts';
import { startDeliveryWorld, type DeliveryWorld } from './launch/delivery.ts';
import { until } from './launch/standalone.ts';
import { tinyProject } from './launch/tiny.ts';

const remediation = `remediations:
  - name: Slow
    actions: [{ action: scaling, value: "+1", wait: 1h }]
  - name: Hopeless
    actions: [{ action: scaling, value: "+1", wait: 4s }]
`;

describe('a problem in production', () => {
  let world: DeliveryWorld;
  before(async function () {
    this.timeout(120_000);
    world = await startDeliveryWorld();
    await world.apply(tinyProject('tiny', ['shop'], { remediation }));
    await delivered();
  });
  after(() => world.stop());

  const delivered = (): Promise<string> =>
    world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh/tiny-shop', '--timeout=90s');
  /** As Alertmanager tells it; the keptn context. */
  const alert = async (alertname: string, fingerprint: string, status = 'firing'): Promise<string> => {
    const [startsAt, endsAt] = ['2026-11-23T10:00:00Z', new Date().toISOString()];
    const labels = { alertname, project: 'tiny', stage: 'prod', service: 'shop' };
    const body = { receiver: 'keptn', alerts: [{ status, labels, annotations: {}, startsAt, endsAt, fingerprint }] };
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(world.eventbroker, { method: 'POST', headers, body: JSON.stringify(body) });
    return z.object({ keptnContext: z.string() }).parse(await answer.json()).keptnContext;
  };
  const events = (keptnContext: string, type: string): Promise<KeptnEvent[]> =>
    world.history.events({ keptnContext, type });
  const comes = (keptnContext: string, type: string, seconds = 40): Promise<void> =>
    until(type, async () => (await events(keptnContext, type)).length > 0, seconds);
  /** Of the primary, as kubectl shows it. */
  const runs = (): Promise<string> => {
    const path = 'jsonpath={.spec.replicas} {.status.readyReplicas} {.spec.template.spec.containers[0].image}';
    return world.kubectl('get', 'deployment', 'shop-primary', '-n', 'tiny-prod', '-o', path);
  };
  const run = (wanted: string): Promise<void> => until(wanted, async () => (await runs()) === wanted, 40);

  it('is scaled, through a new version, and scaled back when it is over, with its history in Git', async function () {
    this.timeout(120_000);
    const context = await alert('Slow answers', 'slow');
    await comes(context, eventTypes.actionFinished);
    await run('2 2 docker.io/example/shop:1.0');
    const image = 'docker.io/example/shop:1.1';
    const patch = JSON.stringify({ spec: { artifact: { image } } });
    await world.kubectl('patch', 'services.keptn.sh', 'tiny-shop', '--type=merge', '-p', patch);
    await delivered();
    await run(`2 2 ${image}`);
    expect(await alert('Slow answers', 'slow', 'resolved')).to.equal(context);
    await comes(context, eventTypes.remediationClosed);
    await run(`1 1 ${image}`);
    const log = await world.git('tiny', 'log', '--format=%an %b', '--grep', context, 'prod', '--', 'shop/helm');
    expect(log.match(/helm-service/g), log).to.have.length(2);
    const status = await world.kubectl(
      'get',
      'services.keptn.sh',
      'tiny-shop',
      '-o',
      'jsonpath={.status.stages[*].phase}',
    );
    expect(status).to.equal('Ready Ready Ready');
  });

  for (const type of [eventTypes.problemOpen, eventTypes.actionUndo]) {
    it(`is scaled once, and back, though the service is killed at ${type.replace(/.*event\./, '')}`, async function () {
      this.timeout(120_000);
      const service = world.services['remediation-service'];
      const killed = async (): Promise<void> => {
        await comes(context, type);
        await service.end('SIGKILL');
        await service.start();
      };
      const context = await alert('Slow answers', randomUUID());
      if (type === eventTypes.problemOpen) await killed();
      await comes(context, eventTypes.actionFinished);
      await run('2 2 docker.io/example/shop:1.1');
      const fingerprint = textIn((await events(context, eventTypes.problemOpen))[0]?.data, 'PID') ?? '';
      await alert('Slow answers', fingerprint, 'resolved');
      if (type === eventTypes.actionUndo) await killed();
      await comes(context, eventTypes.remediationClosed);
      await run('1 1 docker.io/example/shop:1.1');
      expect(await events(context, eventTypes.configurationChange)).to.have.length(2);
    });
  }

  it('is evaluated, and told to a person, though the service is killed while it waits', async function () {
    this.timeout(120_000);
    const service = world.services['remediation-service'];
    const context = await alert('Hopeless', 'hopeless');
    await comes(context, eventTypes.actionFinished);
    await service.end('SIGKILL');
    await service.start();
    await comes(context, eventTypes.startEvaluation);
    // Nobody measures real users here.
    await comes(context, eventTypes.remediationEscalated);
    await alert('Hopeless', 'hopeless', 'resolved');
    await comes(context, eventTypes.remediationClosed);
    await run('1 1 docker.io/example/shop:1.1');
  });
});
