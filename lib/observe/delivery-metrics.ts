/** Prometheus metrics of deliveries, counted by the operator alone: what comes to the end, how long it takes, how good it is. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface DeliveryMetrics {
  ended: Counter<'project' | 'stage' | 'service' | 'result'>;
  deployments: Counter<'project' | 'stage' | 'service'>;
  evaluations: Counter<'project' | 'stage' | 'service' | 'result'>;
  score: Gauge<'project' | 'stage' | 'service'>;
  phaseSeconds: Histogram<'project' | 'stage' | 'phase'>;
  leadSeconds: Histogram<'project' | 'stage'>;
  underWay: Gauge<'project' | 'stage' | 'phase'>;
}

const place = ['project', 'stage', 'service'] as const;
/** A rollout takes seconds, tests with real users hours, an approval days. */
const buckets = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 43_200, 86_400, 604_800];

export function createDeliveryMetrics(registers: Registry[]): DeliveryMetrics {
  return {
    ended: new Counter({
      name: 'keptn_deliveries_total',
      help: 'Deliveries that have ended in a stage, by result (pass, warning, fail, aborted, superseded).',
      labelNames: [...place, 'result'],
      registers,
    }),
    deployments: new Counter({
      name: 'keptn_deployments_total',
      help: 'Artifacts that have been deployed into a stage; dry runs are none.',
      labelNames: place,
      registers,
    }),
    evaluations: new Counter({
      name: 'keptn_evaluations_total',
      help: 'Evaluations by result (pass, warning, fail).',
      labelNames: [...place, 'result'],
      registers,
    }),
    score: new Gauge({
      name: 'keptn_evaluation_score',
      help: 'Score of the last evaluation, 0 to 100.',
      labelNames: place,
      registers,
    }),
    phaseSeconds: new Histogram({
      name: 'keptn_delivery_phase_seconds',
      help: 'How long a delivery was in a phase of a stage (Deploying, Testing, Evaluating, Promoting, Approving).',
      labelNames: ['project', 'stage', 'phase'],
      buckets,
      registers,
    }),
    leadSeconds: new Histogram({
      name: 'keptn_delivery_lead_seconds',
      help: 'From the artifact in the first stage to the good end in this one.',
      labelNames: ['project', 'stage'],
      buckets,
      registers,
    }),
    underWay: new Gauge({
      name: 'keptn_deliveries_under_way',
      help: 'Deliveries that are in a phase of a stage now.',
      labelNames: ['project', 'stage', 'phase'],
      registers,
    }),
  };
}
