/** Whether there is a Go that can build the parts, and what to do when there is none. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Part } from './parts.ts';

const run = promisify(execFile);
type Version = readonly [major: number, minor: number];
const NEEDED: Version = [1, 26];
/** From here on it fetches the newer one itself, unless GOTOOLCHAIN forbids it. */
const FETCHES: Version = [1, 24];

/** Rejects with a sentence that says what is missing, what to install, and what to set instead. */
export async function requireGo(part: Part): Promise<void> {
  const problem = await goProblem();
  if (!problem) return;
  const instead =
    part.override === 'KUBEBUILDER_ASSETS'
      ? 'set KUBEBUILDER_ASSETS to a folder that has it (setup-envtest makes one with etcd, kube-apiserver and kubectl)'
      : `set ${part.override} to the path of a ${part.name} that you have`;
  throw new Error(
    `${part.name} ${part.version} is missing and can't be built: ${problem}.\n` +
      `Either install Go ${NEEDED.join('.')} or newer from https://go.dev/dl ` +
      `(Go ${FETCHES.join('.')} will do with GOTOOLCHAIN=auto: it fetches the newer one itself),\n` +
      `or ${instead}${part.fromPath ? `, or put ${part.name} on the PATH` : ''}.`,
  );
}

async function goProblem(): Promise<string | undefined> {
  const answer = await run('go', ['env', 'GOVERSION', 'GOTOOLCHAIN']).catch(() => undefined);
  if (!answer) return 'there is no `go` on the PATH';
  const [version = '', toolchain = ''] = answer.stdout.split('\n');
  const found = /^go(\d+)\.(\d+)/.exec(version);
  // What calls itself otherwise ("devel …") was built by somebody who knows.
  if (!found) return undefined;
  const atLeast = ([major, minor]: Version): boolean =>
    Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor);
  if (atLeast(NEEDED)) return undefined;
  if (!atLeast(FETCHES)) return `the \`go\` on the PATH is ${version}`;
  if (toolchain !== 'local') return undefined;
  return `the \`go\` on the PATH is ${version}, and GOTOOLCHAIN=local keeps it from fetching a newer one`;
}
