/**
 * Prometheus Alertmanager's webhook: each alert is a problem. The same alert in the same state is the same event,
 * however often Alertmanager repeats it; an alert and its end are in one keptn context.
 */
import { z } from 'zod';
import { eventTypes } from '../../lib/events/event.ts';
import { idOf } from '../../lib/events/id.ts';
import type { Fields } from './handler.ts';

const texts = z.record(z.string(), z.string()).default({});
const alert = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: texts,
  annotations: texts,
  startsAt: z.string(),
  endsAt: z.string().optional(),
  generatorURL: z.string().optional(),
  fingerprint: z.string().min(1),
});
const webhook = z.object({ receiver: z.string(), alerts: z.array(alert) });

/** Nothing when the body is no such webhook. */
export function fromAlertmanager(body: unknown): Fields[] | undefined {
  const { data } = webhook.safeParse(body);
  return data?.alerts.map(problemOf);
}

function problemOf({
  status,
  labels,
  annotations,
  startsAt,
  endsAt,
  generatorURL,
  fingerprint,
}: z.infer<typeof alert>) {
  const { project, stage, service, alertname } = labels;
  const tags = Object.entries({ project, stage, service }).filter(([, value]) => value !== undefined);
  return {
    specversion: '1.0',
    // 0.6.2's remediation-service takes the end of a problem in this type as well.
    type: eventTypes.problemOpen,
    source: 'prometheus',
    id: idOf('alertmanager', fingerprint, startsAt, status),
    shkeptncontext: idOf('alertmanager', fingerprint, startsAt),
    time: status === 'firing' ? startsAt : endsAt,
    data: {
      State: status === 'firing' ? 'OPEN' : 'RESOLVED',
      ProblemID: fingerprint,
      PID: fingerprint,
      ProblemTitle: alertname ?? annotations['summary'] ?? 'alert without a name',
      ProblemDetails: {
        problemDetails: annotations['description'] ?? annotations['summary'] ?? '',
        labels,
        annotations,
      },
      ProblemURL: generatorURL,
      ImpactedEntity: labels['pod'] ?? labels['pod_name'] ?? labels['instance'],
      Tags: tags.map(([name, value]) => `keptn_${name}:${value}`).join(', '),
      project,
      stage,
      service,
      labels: null,
    },
  };
}
