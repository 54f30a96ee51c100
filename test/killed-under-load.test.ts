/** The configuration-service under load is killed two hundred times, at any line, and must have all that it has answered. */
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { z } from 'zod';
import { packingEnds } from '../lib/git/contract-parts.ts';
import { nodeProcess, type NodeProcess } from './launch/node-process.ts';

const run = promisify(execFile);
const KILLS = 200;
const WRITERS = 8;
/** Fewer would mean that the kills came before there was load. */
const MIN_WRITES = KILLS * 10;
const projects = ['p0', 'p1'];
const stages = ['dev', 'prod'];
const answer = z.object({ version: z.string() });

interface Write {
  project: string;
  stage: string;
  uri: string;
  content: string;
  version: string;
}

describe('the configuration-service under load', function () {
  this.timeout(300_000);
  let directory: string;
  let service: NodeProcess;
  const acknowledged: Write[] = [];
  let writing = true;

  const send = (method: string, path: string, body: object): Promise<Response> =>
    fetch(`${service.url}/v1${path}`, { method, body: JSON.stringify(body), signal: AbortSignal.timeout(5000) });
  const git = async (project: string, ...args: string[]): Promise<string> =>
    (await run('git', ['-C', join(directory, `${project}.git`), ...args], { maxBuffer: 1 << 28 })).stdout;

  /** Writes a file of its own again and again, and new ones between, as fast as it gets answers. */
  async function write(writer: number): Promise<void> {
    const project = projects[writer % 2] ?? '';
    const stage = stages[(writer >> 1) % 2] ?? '';
    for (let serial = 0; writing; serial += 1) {
      const uri = serial % 5 === 0 ? `new/${writer}-${serial}.yaml` : `${writer}.yaml`;
      const content = `writer: ${writer}\nserial: ${serial}\n`;
      const resourceContent = Buffer.from(content).toString('base64');
      try {
        const path = `/project/${project}/stage/${stage}/resource/${encodeURIComponent(uri)}`;
        const response = await send('PUT', path, { resourceURI: uri, resourceContent });
        if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
        acknowledged.push({ project, stage, uri, content, ...answer.parse(await response.json()) });
      } catch {
        // It has been killed: whether this one was stored, nobody has been told.
        await sleep(20);
      }
    }
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-killed-'));
    const env = { KEPTN_DATA_DIR: directory, KEPTN_LISTEN_HOST: '127.0.0.1', LOG_LEVEL: 'warn' };
    service = await nodeProcess('configuration-service', { env, port: 'PORT', ready: '/readyz' });
    await service.start();
    for (const projectName of projects) {
      await send('POST', '/project', { projectName });
      for (const stageName of stages) await send('POST', `/project/${projectName}/stage`, { stageName });
    }
  });
  after(async () => {
    writing = false;
    await service.end('SIGKILL');
    await packingEnds(directory);
    await rm(directory, { recursive: true, force: true });
  });

  it(`has every acknowledged write, and whole repositories, after ${KILLS} kill -9`, async () => {
    const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer));
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(randomInt(300));
      await service.end('SIGKILL');
      if (kill % 20 === 0) {
        await packingEnds(directory);
        for (const project of projects) await git(project, 'fsck', '--strict', '--full');
      }
      await service.start();
    }
    writing = false;
    await Promise.all(writers);
    await service.end('SIGTERM');
    await packingEnds(directory);
    expect(acknowledged.length).to.be.greaterThan(MIN_WRITES);
    for (const project of projects) {
      await git(project, 'fsck', '--strict', '--full');
      for (const stage of stages) {
        const history = new Set((await git(project, 'rev-list', stage)).split('\n'));
        const mine = acknowledged.filter((each) => each.project === project && each.stage === stage);
        const lost = mine.filter(({ version }) => !history.has(version));
        expect(lost, `lost in ${project}/${stage}`).to.deep.equal([]);
        // What it has now is what was answered last, or what came after it without an answer.
        for (const { uri, content } of new Map(mine.map((each) => [each.uri, each])).values()) {
          const found = await git(project, 'show', `${stage}:${uri}`);
          expect(Number(/serial: (\d+)/.exec(found)?.[1])).to.be.at.least(Number(/serial: (\d+)/.exec(content)?.[1]));
        }
      }
    }
  });
});
