/** Counts what the events of deliveries tell, each once, however often the bus brings it. */
import { isOver } from '../lib/delivery/stage.ts';
import { eventTypes, type KeptnEvent } from '../lib/events/event.ts';
import { deliveryFinished, deploymentFinished, evaluationDone } from '../lib/events/workflow.ts';
import type { StageStatus } from '../lib/model/status.ts';
import type { DeliveryMetrics } from '../lib/observe/delivery-metrics.ts';
import { HandledIds } from '../lib/service/handled-ids.ts';

const results = ['pass', 'warning', 'fail'];

export class DeliveryCounts {
  readonly #metrics: DeliveryMetrics;
  readonly #counted = new HandledIds();

  constructor(metrics: DeliveryMetrics) {
    this.#metrics = metrics;
  }

  count(event: KeptnEvent): void {
    const counted = keyOf(event);
    if (this.#counted.has(counted)) return;
    this.#counted.add(counted);
    const { ended, deployments, evaluations, score } = this.#metrics;
    switch (event.type) {
      case eventTypes.deliveryFinished: {
        const done = deliveryFinished.safeParse(event.data).data;
        if (done) ended.inc({ ...placeOf(done), result: done.result });
        return;
      }
      case eventTypes.deploymentFinished: {
        const done = deploymentFinished.safeParse(event.data).data;
        if (done && !done.dryrun) deployments.inc(placeOf(done));
        return;
      }
      case eventTypes.evaluationDone: {
        const done = evaluationDone.safeParse(event.data).data;
        if (!done) return;
        // A service of somebody else's may send any word.
        evaluations.inc({ ...placeOf(done), result: results.includes(done.result) ? done.result : 'other' });
        const { indicatorResults, score: reached } = done.evaluationdetails ?? {};
        // Without results there was nothing to score.
        if (indicatorResults?.length) score.set(placeOf(done), reached ?? 0);
      }
    }
  }

  /** How long what has ended with this event took, by what the status says before and after it. */
  time(project: string, before: readonly StageStatus[], after: readonly StageStatus[]): void {
    for (const now of after) {
      const was = before.find(({ name, keptnContext }) => name === now.name && keptnContext === now.keptnContext);
      if (!was || was.phase === now.phase || isOver(was)) continue;
      const place = { project, stage: now.name };
      this.#metrics.phaseSeconds.observe({ ...place, phase: was.phase }, secondsBetween(was.since, now.since));
      if (now.phase !== 'Ready') continue;
      const ofDelivery = after.filter(({ keptnContext }) => keptnContext === now.keptnContext);
      const begun = ofDelivery.map(({ startedAt }) => startedAt).sort((a, b) => Date.parse(a) - Date.parse(b))[0];
      this.#metrics.leadSeconds.observe(place, secondsBetween(begun ?? now.startedAt, now.since));
    }
  }
}

/** Who is late tells the end of a delivery a second time. */
function keyOf({ id, type, shkeptncontext, data }: KeptnEvent): string {
  const done = type === eventTypes.deliveryFinished ? deliveryFinished.safeParse(data).data : undefined;
  return done ? [shkeptncontext, ...Object.values(placeOf(done))].join(' ') : id;
}

function placeOf({ project, stage, service }: { project: string; stage: string; service: string }) {
  return { project, stage, service };
}

/** Clocks of several machines: never less than none. */
function secondsBetween(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from)) / 1000;
}
