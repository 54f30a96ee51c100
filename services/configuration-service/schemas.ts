/** What requests bring and answers have: checked at the boundary, and shown in the OpenAPI document. */
import { z } from 'zod';
import { Terminal } from '../../lib/errors/classes.ts';
import { pageSizeUpTo, wrongType } from '../../lib/http/validate.ts';
import { dnsLabel, MAX_CONTENT_BYTES, resourceUri } from '../../lib/model/names.ts';
import type { Place } from './repository.ts';
import type { Upload } from './resources.ts';

const MAX_RESOURCES = 1000;
const MAX_PAGE = 50;

/** A leading slash, as lists give it, is the same resource. */
const uri = z
  .string()
  .transform((given) => given.replace(/^\//, ''))
  .pipe(resourceUri)
  .meta({ type: 'string', description: 'Path below its folder, as one URL-encoded segment: `helm%2Fcarts.tgz`.' });

const project = { projectName: dnsLabel };
const stage = { ...project, stageName: dnsLabel };
const service = { ...stage, serviceName: dnsLabel };
export const projectParams = z.object(project);
export const stageParams = z.object(stage);
export const serviceParams = z.object(service);
export const defaultParams = z.object({ ...project, serviceName: dnsLabel });
export const defaultOneParams = defaultParams.extend({ resourceURI: uri });

/** The three levels that have resources: where they are, and what addresses one of them. */
export const levels = [
  { path: '/v1/project/{projectName}', all: projectParams, one: projectParams.extend({ resourceURI: uri }) },
  {
    path: '/v1/project/{projectName}/stage/{stageName}',
    all: stageParams,
    one: stageParams.extend({ resourceURI: uri }),
  },
  {
    path: '/v1/project/{projectName}/stage/{stageName}/service/{serviceName}',
    all: serviceParams,
    one: serviceParams.extend({ resourceURI: uri }),
  },
] as const;

export function placeOf(params: { projectName: string; stageName?: string; serviceName?: string }): Place {
  return { project: params.projectName, stage: params.stageName, service: params.serviceName };
}

const pageSize = pageSizeUpTo(MAX_PAGE);

/** An offset; 0.6.2 takes an unreadable one for 0. */
const offset = z
  .string()
  .transform((key) => (/^\d{1,9}$/.test(key) ? Number(key) : 0))
  .default(0)
  .meta({ type: 'string', description: '`nextPageKey` of the page before.' });

/** As Go reads a truth value: what is none of these is false. */
const disableUpstreamSync = z
  .string()
  .transform((text) => /^(true|1|t|y|yes|on|ok|checked|selected|enabled)$/i.test(text))
  .default(false)
  .meta({ type: 'boolean', description: 'Reads what is here without asking the upstream first.' });

const commitId = z
  .string()
  .regex(/^[0-9a-f]{40}$/, 'must be a commit id of 40 hex digits')
  .optional()
  .describe('The version to read: a commit id.');

const sync = { disableUpstreamSync };
const page = { pageSize, nextPageKey: offset };
const version = { gitCommitId: commitId, gitCommitID: commitId.describe('The same as gitCommitId.') };
export const syncQuery = z.object(sync);
export const pageQuery = z.object({ ...page, ...sync });
export const readQuery = z.object({ ...version, ...sync });
export const listQuery = z.object({ ...page, ...version, ...sync });
export const historyQuery = z.object({
  pageSize,
  nextPageKey: z.string().max(4096).optional().describe('`nextPageKey` of the page before.'),
  ...sync,
});
export const compareQuery = z.object({
  from: dnsLabel.or(z.string().regex(/^[0-9a-f]{40}$/)).describe('A stage, `master` or a commit id.'),
  to: dnsLabel.or(z.string().regex(/^[0-9a-f]{40}$/)).describe('A stage, `master` or a commit id.'),
  serviceName: dnsLabel.optional().describe('Only the files of this service.'),
  ...page,
  ...sync,
});
export type PageQuery = z.output<typeof pageQuery>;

const text = z.string().nullish();
export const projectBody = z
  .object({
    projectName: dnsLabel,
    gitRemoteURI: text.describe('A Git repository to begin with and to follow, https without user and token.'),
    gitUser: text.describe('User of the upstream.'),
    gitToken: text.describe('Token of the upstream. It is never given back.'),
  })
  .meta({ id: 'Project' });
export const stageBody = z.object({ stageName: dnsLabel }).meta({ id: 'Stage' });
export const serviceBody = z.object({ serviceName: dnsLabel }).meta({ id: 'Service' });

/** Standard base64; line breaks, as some encoders make them, are no error in Go. */
const base64 = z
  .string()
  .default('')
  .transform((given, context) => {
    const packed = given.replace(/[\r\n]/g, '');
    if (packed.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(packed)) return Buffer.from(packed, 'base64');
    context.issues.push(wrongType(given, 'byte (standard base64 with padding)'));
    return z.NEVER;
  })
  .meta({ type: 'string', format: 'byte', description: 'The content in base64.' });
export const resourcesBody = z
  .object({ resources: z.array(z.object({ resourceURI: resourceUri, resourceContent: base64 })).max(MAX_RESOURCES) })
  .meta({ id: 'Resources' });
/** The URI is in the path; the one in the body must be there, as in 0.6.2, and is not looked at. */
export const resourceBody = z
  .object({ resourceURI: z.string().min(1), resourceContent: base64 })
  .meta({ id: 'Resource' });

export function uploadsOf({ resources }: z.output<typeof resourcesBody>): Upload[] {
  return resources.map(({ resourceURI, resourceContent }, index) =>
    upload(resourceURI, resourceContent, `resources.${index}.resourceContent`),
  );
}

export function uploadOf(resourceURI: string, { resourceContent }: z.output<typeof resourceBody>): Upload {
  return upload(resourceURI, resourceContent, 'resourceContent');
}

function upload(path: string, content: Buffer, field: string): Upload {
  if (content.length <= MAX_CONTENT_BYTES) return { uri: path, content, field };
  const size = `${content.length} bytes, ${MAX_CONTENT_BYTES} are allowed`;
  throw new Terminal('TooLarge', `${field} in body is too large: ${size}`);
}

const pageFields = {
  nextPageKey: z.string().describe('For the next page; "0" at the end.'),
  pageSize: z.int().optional().describe('Entries of this page, where there are more.'),
  totalCount: z.int(),
};
export const stageAnswer = z
  .strictObject({ services: z.null().describe('0.6.2 never fills it in.'), stageName: z.string() })
  .meta({ id: 'ExpandedStage' });
export const projectAnswer = z
  .strictObject({
    projectName: z.string(),
    stages: z.array(stageAnswer),
    gitRemoteURI: z.string().optional().describe('The upstream; not in lists.'),
    gitUser: z.string().optional(),
    upstream: z
      .strictObject({
        state: z.enum(['Synced', 'Pending', 'Failed']).describe('Pending: commits are on their way.'),
        code: z.string().optional().describe('Why it failed, a code of docs/errors.md.'),
        message: z.string().optional().describe('What is the matter, or what was merged last.'),
        unpushed: z.record(z.string(), z.int()).describe('Commits that the upstream has not, by branch.'),
        lastSync: z.string().optional().meta({ format: 'date-time' }),
      })
      .optional(),
  })
  .meta({ id: 'ExpandedProject' });
export const serviceAnswer = z.strictObject({ serviceName: z.string() }).meta({ id: 'ExpandedService' });
export const projectsAnswer = z
  .strictObject({ projects: z.array(projectAnswer), ...pageFields })
  .meta({ id: 'Projects' });
export const stagesAnswer = z.strictObject({ stages: z.array(stageAnswer), ...pageFields }).meta({ id: 'Stages' });
export const servicesAnswer = z
  .strictObject({ services: z.array(serviceAnswer), ...pageFields })
  .meta({ id: 'Services' });
export const resourcesAnswer = z
  .strictObject({ resources: z.array(z.strictObject({ resourceURI: z.string() })), ...pageFields })
  .meta({ id: 'ResourceList' });
export const resourceAnswer = z
  .strictObject({ resourceContent: z.string().meta({ format: 'byte' }), resourceURI: z.string() })
  .meta({ id: 'ResourceContent' });
export const versionAnswer = z
  .strictObject({ version: z.string().describe('The commit that has it.') })
  .meta({ id: 'Version' });
export const versionsAnswer = z
  .strictObject({
    version: z.string().optional().describe('The commit in the first stage.'),
    stages: z.array(z.strictObject({ stageName: z.string(), version: z.string() })),
  })
  .meta({ id: 'Versions' });
export const historyAnswer = z
  .strictObject({
    nextPageKey: pageFields.nextPageKey,
    commits: z.array(
      z.strictObject({
        version: z.string().describe('The commit id.'),
        message: z.string().describe('Its first line.'),
        author: z.strictObject({ name: z.string(), email: z.string() }),
        time: z.string().meta({ format: 'date-time' }),
        keptnContext: z.string().optional(),
        causedBy: z.string().optional().describe('The custom resource that declared it: `Kind namespace/name`.'),
      }),
    ),
  })
  .meta({ id: 'History' });
export const compareAnswer = z
  .strictObject({
    changes: z.array(
      z.strictObject({
        resourceURI: z.string(),
        change: z.enum(['added', 'removed', 'modified']).describe('What `to` has that `from` has not.'),
        fromId: z.string().optional().describe('ETag of the file there.'),
        toId: z.string().optional().describe('ETag of the file there.'),
      }),
    ),
    ...pageFields,
  })
  .meta({ id: 'Comparison' });

/** A list in pages, as 0.6.2 answers it: the key is an offset, "0" at the end. */
export async function cut<Item, Name extends string, Shown>(
  name: Name,
  all: readonly Item[],
  { nextPageKey: from, pageSize: size }: { nextPageKey: number; pageSize: number },
  show: (item: Item) => Promise<Shown> | Shown,
) {
  const shown = all.slice(from, from + size);
  const isLast = from + size >= all.length;
  const list = await Promise.all(shown.map(show));
  return {
    nextPageKey: isLast ? '0' : String(from + size),
    ...(shown.length < all.length && { pageSize: shown.length }),
    ...({ [name]: list } as Record<Name, Shown[]>),
    totalCount: all.length,
  };
}
