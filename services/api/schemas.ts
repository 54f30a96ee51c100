/** What requests to the api bring and answers have: checked at the boundary, and shown in the OpenAPI document. */
import { z } from 'zod';
import { manifestSchema, metadataSchema, namespaceSchema } from '../../lib/model/manifest.ts';
import { dnsLabel } from '../../lib/model/names.ts';
import { kindNames } from '../../lib/model/object.ts';
import { statusSchema } from '../../lib/model/status.ts';

const text = z.string().max(1024);
const base64 = z.base64('must be base64');

export const eventContext = z
  .strictObject({
    keptnContext: z.string().describe('In it is told what becomes of the request.'),
    token: z.string().describe('Opens the websocket of this keptn context, in the header `Token`.'),
  })
  .meta({ id: 'EventContext' });

/** Looked at closely by the eventbroker. */
export const eventBody = z
  .looseObject({
    type: text.min(1),
    source: z.string().max(1024).optional(),
    shkeptncontext: z.string().max(1024).nullish(),
    data: z.unknown(),
  })
  .meta({
    id: 'KeptnEvent',
    description: 'A CloudEvent 0.2, 0.3 or 1.0; what is missing of id, time and context is added.',
  });

export const projectBody = z
  .object({
    name: dnsLabel,
    shipyard: base64.min(1).describe('shipyard.yaml in base64.'),
    gitUser: text.optional(),
    gitToken: text.optional(),
    gitRemoteURL: text.optional().describe('A repository that the project begins with and follows.'),
  })
  .meta({ id: 'NewProject' });

export const serviceBody = z
  .object({
    serviceName: dnsLabel,
    helmChart: base64.optional().describe('A Helm chart as tgz, in base64.'),
    deploymentStrategies: z
      .record(z.string(), z.enum(['direct', 'duplicate']))
      .optional()
      .describe('By stage, or `*` for all.'),
  })
  .meta({ id: 'NewService' });

export const projectParams = z.object({ projectName: text });

/** The names that Keptn 0.8 gave them. */
export const metadataAnswer = z
  .strictObject({ keptnversion: z.string(), namespace: z.string().describe('Where objects are made.') })
  .meta({ id: 'Metadata' });

const kind = z.enum(kindNames);
/** Of an object that names none it is where this Keptn looks. */
const metadata = metadataSchema.extend({ namespace: namespaceSchema.optional() });
export const objectBody = manifestSchema.extend({ kind, metadata }).meta({
  id: 'Manifest',
  description: 'A Project, Stage, Service or Resource as kubectl takes it.',
});
export const objectParams = z.object({ kind, name: text });
const shown = {
  kind,
  namespace: z.string(),
  name: z.string(),
  generation: z.int(),
  status: statusSchema,
};
export const objectAnswer = z.strictObject(shown).meta({ id: 'Object' });
export const appliedAnswer = z
  .strictObject({ outcome: z.enum(['created', 'configured', 'unchanged']), ...shown })
  .meta({ id: 'Applied' });
