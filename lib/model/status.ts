/** What the operator reports of an object: conditions after Kubernetes' convention, commits and announced events. */
import { z } from 'zod';

export const conditionSchema = z.object({
  type: z.string().describe('What the condition is about: Ready, Synced, Announced, Upstream, Delivered or Stalled.'),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().describe('One word for programs; the error codes of the docs, or what was done.'),
  message: z.string().describe('A sentence for people.'),
  lastTransitionTime: z.string().meta({ format: 'date-time' }),
  observedGeneration: z.int().optional().describe('The generation that the condition speaks of.'),
});
export type Condition = z.infer<typeof conditionSchema>;

/** The marker and the proof of one announcement; the marker is stored before the event is published. */
export const announcementSchema = z.object({
  type: z.string().describe('Type of the CloudEvent.'),
  digest: z.string().describe('Digest of what was announced; another digest is announced anew.'),
  id: z.string().optional().describe('Id of the event; absent where the first state needed no event.'),
  keptnContext: z.string().optional().describe('The keptn context of the event.'),
  published: z.boolean().describe('False from the decision until the bus has stored the event.'),
});
export type Announcement = z.infer<typeof announcementSchema>;

const time = z.string().meta({ format: 'date-time' });

/** What lib/delivery tells of a stage, as an object's status has it. */
const stageDeliverySchema = z.object({
  name: z.string().describe('Of the stage.'),
  phase: z
    .string()
    .describe('Deploying, Testing, Evaluating, Promoting, Approving, Ready, Failed, Aborted or Superseded.'),
  keptnContext: z.string().describe('Of the delivery that is there.'),
  image: z.string().optional().describe('The artifact.'),
  commit: z.string().optional().describe("The commit of the stage's configuration that it runs with."),
  strategy: z.string().optional(),
  score: z.number().optional().describe('Of its last evaluation.'),
  message: z.string().describe('What is going on, or why it ended.'),
  startedAt: time,
  since: time.describe('When the phase began.'),
  triggeredId: z.string().optional().describe('Id of the event that asks for an approval.'),
  paused: z.boolean().optional(),
  until: z.string().optional().describe('The stage behind which it does not go on, where that is not the last.'),
  next: z
    .object({ keptnContext: z.string(), image: z.string(), since: time })
    .optional()
    .describe('The delivery that waits for this one to leave the stage.'),
});
export type StageStatus = z.infer<typeof stageDeliverySchema>;

export const statusSchema = z.object({
  observedGeneration: z.int().optional().describe('The newest generation that was reconciled.'),
  conditions: z
    .array(conditionSchema)
    .max(16)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
  commit: z
    .string()
    .optional()
    .describe('The Git commit that has this object; of the first branch where it is on several.'),
  projectUid: z
    .string()
    .optional()
    .describe('The Project that the rest speaks of: one made anew by its name is another.'),
  digest: z.string().optional().describe('Digest of the content as it was declared when it was written last.'),
  stageOrder: z.string().optional().describe('The stages of a project in the order of promotion.'),
  upstream: z.string().optional().describe('Address of the upstream that the repository follows.'),
  branches: z
    .array(z.object({ name: z.string(), commit: z.string().optional() }))
    .max(100)
    .optional()
    .describe(
      'The Git branches that have this object, each with its commit: master, or stages in the order of promotion.',
    )
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
  keptnContext: z.string().optional().describe('The keptn context of the newest event.'),
  delivery: z
    .object({
      stage: z.string().describe('How far it has come.'),
      phase: z.string(),
      image: z.string().optional(),
      score: z.number().optional(),
      keptnContext: z.string(),
    })
    .optional()
    .describe('The newest delivery of a service.'),
  stages: z
    .array(stageDeliverySchema)
    .max(100)
    .optional()
    .describe('What a service has in each stage that a delivery has reached, in the order of promotion.')
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
  announced: z
    .array(announcementSchema)
    .max(16)
    .optional()
    .describe('One entry an event type: what was announced last.')
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
});
export type Status = z.infer<typeof statusSchema>;

export function findCondition(status: Status | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** True when the condition holds for the generation that is declared now. */
export function holds(
  object: { metadata: { generation: number }; status?: Status | undefined },
  type: string,
): boolean {
  const condition = findCondition(object.status, type);
  return condition?.status === 'True' && condition.observedGeneration === object.metadata.generation;
}

/** What is said of a condition now; the time of its last change stays where its status does. */
export function conditionAfter(
  before: { conditions?: readonly Condition[] | undefined } | undefined,
  said: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>,
  observedGeneration: number,
): Condition {
  const previous = before?.conditions?.find(({ type }) => type === said.type);
  const lastTransitionTime = previous?.status === said.status ? previous.lastTransitionTime : new Date().toISOString();
  return { ...said, lastTransitionTime, observedGeneration };
}
