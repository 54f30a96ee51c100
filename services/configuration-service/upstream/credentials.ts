/** Where the upstreams of projects and their tokens are kept: a file each, or a Kubernetes Secret each. */
import { z } from 'zod';

export interface Upstream {
  url: string;
  user: string;
  token: string;
}

export interface Credentials {
  get(project: string): Promise<Upstream | undefined>;
  /** Resolves when it is stored for good. */
  set(project: string, upstream: Upstream): Promise<void>;
  /** No error when there is none. */
  remove(project: string): Promise<void>;
}

/** The content as 0.6.2 has it in its Secrets. */
const contentSchema = z
  .object({ user: z.string(), token: z.string(), remoteURI: z.string() })
  .transform(({ user, token, remoteURI }) => ({ user, token, url: remoteURI }));

export const encodeUpstream = ({ url, user, token }: Upstream): string =>
  JSON.stringify({ user, token, remoteURI: url });

/** Throws an error that says nothing of the content. */
export function decodeUpstream(text: string, where: string): Upstream {
  try {
    return contentSchema.parse(JSON.parse(text));
  } catch {
    throw new Error(`${where} does not hold {user, token, remoteURI}`);
  }
}
