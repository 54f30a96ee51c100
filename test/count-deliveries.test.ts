/** What is counted of deliveries, and that it is counted once. */
import { expect } from 'chai';
import { eventOf } from '../lib/bus/contract-parts.ts';
import { eventTypes } from '../lib/events/event.ts';
import type { StageStatus } from '../lib/model/status.ts';
import { createOperatorMetrics } from '../lib/observe/metrics.ts';
import { DeliveryCounts } from '../operator/count-deliveries.ts';

const place = { project: 'shop', stage: 'dev', service: 'carts' };
const labels = 'project="shop",stage="dev",service="carts"';

describe('the metrics of deliveries', () => {
  let counts: DeliveryCounts;
  let lines: () => Promise<string[]>;
  beforeEach(() => {
    const { registry, deliveries } = createOperatorMetrics();
    counts = new DeliveryCounts(deliveries);
    lines = async () =>
      (await registry.metrics())
        .split('\n')
        .filter((line) => /^keptn_(deliver|deploy|evaluation)/.test(line) && !/_bucket/.test(line));
  });

  it('count an event once, however often it comes', async () => {
    const deployed = eventOf(eventTypes.deploymentFinished, place);
    counts.count(deployed);
    counts.count(deployed);
    expect(await lines()).to.deep.equal([`keptn_deployments_total{${labels}} 1`]);
  });

  it('count the end of a delivery in a stage once, whoever tells it again', async () => {
    const finished = eventOf(eventTypes.deliveryFinished, { ...place, result: 'pass', reason: 'Ready', message: '' });
    counts.count(finished);
    counts.count({ ...finished, id: 'another', data: { ...place, result: 'fail', reason: 'Late', message: '' } });
    counts.count({ ...finished, id: 'a third', shkeptncontext: 'the next delivery' });
    expect(await lines()).to.deep.equal([`keptn_deliveries_total{${labels},result="pass"} 2`]);
  });

  it('count no dry run as a deployment, and nothing of what is no such event', async () => {
    counts.count(eventOf(eventTypes.deploymentFinished, { ...place, dryrun: true }));
    counts.count(eventOf(eventTypes.deploymentFinished, { project: 'Not a name' }));
    counts.count(eventOf(eventTypes.evaluationDone, null));
    expect(await lines()).to.deep.equal([]);
  });

  it('have the score of the last evaluation that had something to score, and words of others under one label', async () => {
    const evaluated = (result: string, score: number, indicatorResults: object[]) =>
      counts.count(
        eventOf(eventTypes.evaluationDone, { ...place, result, evaluationdetails: { score, indicatorResults } }),
      );
    const indicator = { status: 'pass', value: { metric: 'errors', value: 1, success: true } };
    evaluated('pass', 87.5, [indicator]);
    evaluated('pass', 0, []);
    evaluated('a word of somebody else', 87.5, [indicator]);
    expect(await lines()).to.deep.equal([
      `keptn_evaluations_total{${labels},result="pass"} 2`,
      `keptn_evaluations_total{${labels},result="other"} 1`,
      `keptn_evaluation_score{${labels}} 87.5`,
    ]);
  });

  it('time the phases of a stage, and the way from the first stage to the good end', async () => {
    const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
    const stage = (name: string, phase: string, startedAt: number, since: number): StageStatus => ({
      ...{ name, phase, keptnContext: 'context', message: '', startedAt: at(startedAt), since: at(since) },
    });
    const dev = stage('dev', 'Ready', 0, 60);
    counts.time('shop', [dev, stage('prod', 'Promoting', 100, 130)], [dev, stage('prod', 'Ready', 100, 150)]);
    expect(await lines()).to.deep.equal([
      'keptn_delivery_phase_seconds_sum{project="shop",stage="prod",phase="Promoting"} 20',
      'keptn_delivery_phase_seconds_count{project="shop",stage="prod",phase="Promoting"} 1',
      'keptn_delivery_lead_seconds_sum{project="shop",stage="prod"} 150',
      'keptn_delivery_lead_seconds_count{project="shop",stage="prod"} 1',
    ]);
  });
});
