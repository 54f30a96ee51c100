/**
 * What people look at first: where everything is, and what has stopped. Told from the status of Services, into which the
 * operator folds every delivery, so that nobody has to read the history for it.
 */
import { z } from 'zod';
import { statusSchema, type Status } from '../model/status.ts';
import { newestOf } from './service-status.ts';
import { hasStopped, isOver } from './stage.ts';

const text = z.string();

/** A delivery in a stage that has stopped, or waits for a person. */
const attentionSchema = z.strictObject({
  service: text,
  stage: text,
  phase: text,
  paused: z.boolean(),
  image: text.optional(),
  score: z.number().optional(),
  message: text,
  keptnContext: text,
  since: text,
});
export type Attention = z.infer<typeof attentionSchema>;

export const summarySchema = z
  .strictObject({
    project: text,
    ready: z.boolean().describe('False: its objects are not all in Git; `message` says why.'),
    message: text,
    services: z.int(),
    stages: z
      .array(
        z.strictObject({
          name: text,
          running: z.int().describe('Services with a delivery on its way.'),
          waiting: z.int().describe('Services that wait for an approval, or are paused.'),
          stopped: z.int().describe('Services whose newest delivery failed or was aborted.'),
          ready: z.int(),
        }),
      )
      .describe('In the order of promotion.'),
    attention: z.array(attentionSchema).describe('What has stopped or waits, the newest first; 20 at most.'),
    newest: z
      .strictObject({
        service: text,
        stage: text,
        phase: text,
        image: text.optional(),
        keptnContext: text,
        since: text,
      })
      .optional()
      .describe('The newest delivery.'),
  })
  .meta({ id: 'ProjectSummary' });
export type Summary = z.infer<typeof summarySchema>;

const stageSchema = z.strictObject({
  name: text,
  deploymentStrategy: text,
  testStrategy: text.optional(),
  approvalStrategy: text.optional(),
  remediationStrategy: text.optional(),
});
export type OverviewStage = z.infer<typeof stageSchema>;

const serviceSchema = z.strictObject({
  name: text,
  object: z.strictObject({ namespace: text, name: text }).describe('The custom resource.'),
  artifact: text.optional().describe('The image that is declared.'),
  stages: statusSchema.shape.stages.unwrap(),
});
export type OverviewService = z.infer<typeof serviceSchema>;

export const overviewSchema = z
  .strictObject({
    project: text,
    ready: z.boolean(),
    message: text,
    upstream: text.optional().describe('Address of the upstream.'),
    stages: z.array(stageSchema).describe('In the order of promotion.'),
    services: z.array(serviceSchema),
  })
  .meta({ id: 'ProjectOverview' });
export type Overview = z.infer<typeof overviewSchema>;

const MAX_ATTENTION = 20;
const newestFirst = (a: { since: string }, b: { since: string }): number => Date.parse(b.since) - Date.parse(a.since);

/** The overview in figures, and what needs somebody. */
export function summaryOf({ project, ready, message, stages, services }: Overview): Summary {
  const all = services.flatMap((service) => service.stages.map((at) => ({ service: service.name, at })));
  const attention = all.flatMap(({ service, at }): Attention[] => {
    const { name: stage, phase, image, score, keptnContext, since } = at;
    const paused = at.paused === true && !isOver(at);
    if (!needsSomebody(at)) return [];
    return [{ service, stage, phase, paused, image, score, message: at.message, keptnContext, since }];
  });
  const byStage = Map.groupBy(all, ({ at }) => at.name);
  const count = (name: string, test: (at: (typeof all)[number]['at']) => boolean): number =>
    byStage.get(name)?.filter(({ at }) => test(at)).length ?? 0;
  const newest = all.toSorted((a, b) => newestFirst(a.at, b.at))[0];
  return {
    ...{ project, ready, message, services: services.length },
    stages: stages.map(({ name }) => ({
      name,
      running: count(name, (at) => !isOver(at) && !needsSomebody(at)),
      waiting: count(name, (at) => !isOver(at) && needsSomebody(at)),
      stopped: count(name, (at) => hasStopped(at) && needsSomebody(at)),
      ready: count(name, ({ phase }) => phase === 'Ready'),
    })),
    attention: attention.sort(newestFirst).slice(0, MAX_ATTENTION),
    ...(newest && { newest: newestDelivery(newest.service, services) }),
  };
}

/** Failed, aborted, paused, or waits for an approval. A version that a newer one took the place of asks for nobody. */
export function needsSomebody(stage: { phase: string; paused?: boolean | undefined }): boolean {
  if (isOver(stage)) return stage.phase === 'Failed' || stage.phase === 'Aborted';
  return stage.phase === 'Approving' || stage.paused === true;
}

function newestDelivery(name: string, services: readonly OverviewService[]): Summary['newest'] {
  const stages = services.find((service) => service.name === name)?.stages ?? [];
  const delivery: Status['delivery'] = newestOf(stages);
  const at = stages.find((stage) => stage.name === delivery?.stage);
  if (!delivery || !at) return undefined;
  const { stage, phase, image, keptnContext } = delivery;
  return { service: name, stage, phase, image, keptnContext, since: at.since };
}
