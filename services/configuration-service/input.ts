/** What a request may bring: names in the path, pages, versions and bodies; all checked here. */
import type { Request } from 'express';
import { z } from 'zod';
import { Terminal } from '../../lib/errors/classes.ts';
import { FieldError, validate } from '../../lib/http/validate.ts';
import { dnsLabel, MAX_CONTENT_BYTES, resourceUri } from '../../lib/model/names.ts';
import type { Place } from './repository.ts';
import type { Upload } from './resources.ts';

const MAX_RESOURCES = 1000;
const DEFAULT_PAGE = 20;
const MAX_PAGE = 50;

const upstreamFields = ['gitUser', 'gitToken', 'gitRemoteURI'] as const;
const text = z.string().nullish();
const project = z.object({ projectName: dnsLabel, gitUser: text, gitToken: text, gitRemoteURI: text });
const stage = z.object({ stageName: dnsLabel });
const service = z.object({ serviceName: dnsLabel });
const resource = z.object({ resourceURI: resourceUri, resourceContent: z.string().default('') });
const resources = z.object({ resources: z.array(resource).max(MAX_RESOURCES) });
/** The URI is in the path; the one in the body must be there, as in 0.6.2, and is not looked at. */
const oneResource = z.object({ resourceURI: z.string().min(1), resourceContent: z.string().default('') });

const pageSize = z
  .string()
  .regex(/^-?\d{1,9}$/)
  .transform(Number);
const pageRange = z.int().min(1).max(MAX_PAGE);
const commitId = z.string().regex(/^[0-9a-f]{40}$/, 'must be a commit id of 40 hex digits');

export interface Page {
  offset: number;
  size: number;
}

export function placeOf(request: Request): Place {
  return {
    project: nameIn(request, 'project'),
    ...('stage' in request.params && { stage: nameIn(request, 'stage') }),
    ...('service' in request.params && { service: nameIn(request, 'service') }),
  };
}

export function nameIn(request: Request, what: 'project' | 'stage' | 'service'): string {
  return validate(dnsLabel, request.params[what], 'path', `${what}Name`);
}

/** A leading slash, as lists give it, is the same resource. */
export function uriIn(request: Request): string {
  const given = request.params['uri'];
  return validate(resourceUri, typeof given === 'string' ? given.replace(/^\//, '') : given, 'path', 'resourceURI');
}

/** `nextPageKey` is an offset; 0.6.2 takes an unreadable one for 0. */
export function pageOf({ query }: Request): Page {
  const given = query['pageSize'] ?? String(DEFAULT_PAGE);
  const parsed = pageSize.safeParse(given);
  if (!parsed.success) {
    throw new FieldError(601, `pageSize in query must be of type int64: ${JSON.stringify(given).slice(0, 80)}`);
  }
  const key = query['nextPageKey'];
  const offset = typeof key === 'string' && /^\d{1,9}$/.test(key) ? Number(key) : 0;
  return { offset, size: validate(pageRange, parsed.data, 'query', 'pageSize') };
}

/** The version to read; undefined for the newest. */
export function commitIn({ query }: Request): string | undefined {
  const given = query['gitCommitId'] ?? query['gitCommitID'];
  return given === undefined ? undefined : validate(commitId, given, 'query', 'gitCommitId');
}

export function projectIn(request: Request): string {
  const body = validate(project, bodyOf(request, 'project'), 'body');
  const upstream = upstreamFields.find((field) => body[field]);
  if (upstream) {
    throw new FieldError(605, `${upstream} in body must be empty: upstreams are not available in this version`);
  }
  return body.projectName;
}

export const stageIn = (request: Request): string => validate(stage, bodyOf(request, 'stage'), 'body').stageName;

export const serviceIn = (request: Request): string =>
  validate(service, bodyOf(request, 'service'), 'body').serviceName;

export function uploadsIn(request: Request): Upload[] {
  const body = validate(resources, bodyOf(request, 'resources'), 'body');
  return body.resources.map(({ resourceURI, resourceContent }, index) =>
    upload(resourceURI, resourceContent, `resources.${index}.resourceContent`),
  );
}

export function uploadIn(request: Request): Upload {
  const uri = uriIn(request);
  const body = validate(oneResource, bodyOf(request, 'resource'), 'body');
  return upload(uri, body.resourceContent, 'resourceContent');
}

function bodyOf(request: Request, what: string): unknown {
  const body: unknown = request.body;
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  throw new Terminal('InvalidBody', `parsing ${what} body failed, because it is no JSON object`);
}

function upload(uri: string, base64: string, field: string): Upload {
  // Lines, as some encoders break them, are no error in Go.
  const packed = base64.replace(/[\r\n]/g, '');
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) {
    throw new FieldError(601, `${field} in body must be of type byte (standard base64 with padding)`);
  }
  const content = Buffer.from(packed, 'base64');
  if (content.length > MAX_CONTENT_BYTES) {
    const size = `${content.length} bytes, ${MAX_CONTENT_BYTES} are allowed`;
    throw new Terminal('TooLarge', `${field} in body is too large: ${size}`);
  }
  return { uri, content, field };
}
