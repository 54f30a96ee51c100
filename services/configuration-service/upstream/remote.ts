/**
 * The repository elsewhere: fetch, push, and what it says when it will not. The git program speaks with it, one way for
 * all servers; the token is in that program's environment alone.
 */
import { join } from 'node:path';
import { KeptnError, Terminal } from '../../../lib/errors/classes.ts';
import type { Code } from '../../../lib/errors/codes.ts';
import { Window } from '../../../lib/errors/window.ts';
import { GitFailure, runGit } from '../../../lib/git/git-program.ts';
import { checkAddress, resolveAddress } from './address.ts';
import type { Upstream } from './credentials.ts';

/** Of one fetch or push; a server that sends nothing is given up after `QUIET_SECONDS`. */
const DEADLINE_MS = 10 * 60_000;
const QUIET_SECONDS = 20;
/** Of all projects together. */
const AT_ONCE = 8;
const WAIT_MS = 60_000;
const ASKPASS = join(import.meta.dirname, 'askpass.sh');

const window = new Window(AT_ONCE, 'the line of Git transfers');

/** A push was refused because the branch has moved there. */
export class RemoteMoved extends Error {}

export class Remote {
  readonly upstream: Upstream;
  readonly #allowInsecure: boolean;

  constructor(upstream: Upstream, allowInsecure: boolean) {
    this.upstream = upstream;
    this.#allowInsecure = allowInsecure;
  }

  /** Brings all branches to refs/remotes/upstream of the repository in `folder`. */
  async fetch(folder: string, signal?: AbortSignal): Promise<void> {
    await this.#run(folder, ['fetch', '--prune', '--no-tags', '--no-write-fetch-head', '-q', 'upstream'], signal);
  }

  /** The branch that a clone would begin with; undefined for an empty repository. */
  async defaultBranch(folder: string): Promise<string | undefined> {
    const text = await this.#run(folder, ['ls-remote', '--symref', 'upstream', 'HEAD']);
    return /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(text)?.[1];
  }

  /** Pushes branches as they are; throws RemoteMoved when one has moved there, after the others were pushed. */
  async push(folder: string, branches: readonly string[], signal?: AbortSignal): Promise<void> {
    const specs = branches.map((branch) => `refs/heads/${branch}:refs/heads/${branch}`);
    await this.#run(folder, ['push', '-q', 'upstream', ...specs], signal);
  }

  async #run(folder: string, args: string[], signal?: AbortSignal): Promise<string> {
    const { url, user, token } = this.upstream;
    const address = await resolveAddress(checkAddress(url, this.#allowInsecure), this.#allowInsecure);
    const run = {
      folder,
      args,
      config: {
        'remote.upstream.url': url,
        'remote.upstream.fetch': '+refs/heads/*:refs/remotes/upstream/*',
        'credential.helper': '',
        // Another address must not get the token.
        'http.followRedirects': 'false',
        'http.lowSpeedLimit': '1',
        'http.lowSpeedTime': String(QUIET_SECONDS),
        ...(address !== undefined && { 'http.curloptResolve': address }),
        'protocol.allow': 'never',
        'protocol.https.allow': 'always',
        'protocol.http.allow': this.#allowInsecure ? 'always' : 'never',
        // One pack, which git syncs, instead of many files.
        'fetch.unpackLimit': '1',
        // A fetch and a push may meet.
        'core.filesRefLockTimeout': '2000',
        'maintenance.auto': 'false',
      },
      env: { GIT_ASKPASS: ASKPASS, KEPTN_UPSTREAM_USER: user, KEPTN_UPSTREAM_TOKEN: token },
    };
    try {
      return await window.run(Date.now() + WAIT_MS, async () => (await runGit(run, DEADLINE_MS, signal)).toString());
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error;
      throw explain(this.#clean(error.message), url);
    }
  }

  /** Without the token in any of the forms that it could have. */
  #clean(text: string): string {
    const { user, token } = this.upstream;
    const forms = [token, encodeURIComponent(token), Buffer.from(`${user}:${token}`).toString('base64')];
    return forms.reduce((cleaned, form) => (form === '' ? cleaned : cleaned.replaceAll(form, '********')), text);
  }
}

/** What the server's answer means, for a person: the first pattern that fits. */
const meanings: [RegExp, Code, string][] = [
  [/error: 30\d|redirect/i, 'UpstreamAway', 'it redirects to another address: give that one'],
  [
    /Authentication failed|could not read (Username|Password)|Access denied|error: 40[13]/i,
    'UpstreamUnauthorized',
    'it does not accept the user and token',
  ],
  [/not found|error: 404|does not appear to be a git repository/i, 'UpstreamNotFound', 'there is no such repository'],
];

function explain(text: string, url: string): Error {
  if (/\[rejected\]/.test(text)) return new RemoteMoved(text);
  const refusal = /\[remote rejected\] \(?([^)\n]*)/.exec(text);
  if (refusal) {
    const said = [...text.matchAll(/^remote: (.*\S)\s*$/gm)].map(([, line]) => line).join(' ');
    return new Terminal('UpstreamRejected', `${url} refuses the push: ${said || refusal[1] || 'no reason given'}`);
  }
  for (const [pattern, code, meaning] of meanings) {
    if (pattern.test(text)) return new Terminal(code, `${url}: ${meaning}`);
  }
  const reason = text.split('\n').findLast((line) => /^(fatal|error):/.test(line)) ?? text.slice(0, 200);
  return new Terminal('UpstreamAway', `${url} does not answer: ${reason.replace(/^(fatal|error): /, '')}`);
}

export const codeOf = (error: unknown): Code => (error instanceof KeptnError ? error.code : 'Internal');
