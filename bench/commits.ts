/** A hundred thousand commits into one repository over HTTP, by eight clients: does it stay fast, small and lean? */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { measure, startConfigurationProcess } from './configuration-process.ts';

const COMMITS = 100_000;
const BLOCK = 10_000;
const CLIENTS = 8;
const stage = '/v1/project/bench/stage/dev';

const service = await startConfigurationProcess('on');
const repository = join(service.directory, 'bench.git');
const git = (...args: string[]): string => execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' });
try {
  for (let at = 0; at < 20; at += 1) await service.call('POST', `${stage}/service`, { serviceName: `s${at}` });
  const path = (serial: number): string => `${stage}/service/s${serial % 20}/resource/f${serial % 50}.yaml`;
  process.stdout.write('commits  writes/s  reads/s  MB memory  loose   packs  MB packed\n');
  for (let made = 0; made < COMMITS; made += BLOCK) {
    let serial = made;
    const began = performance.now();
    const client = async (): Promise<void> => {
      while (serial < made + BLOCK) {
        const mine = serial++;
        await service.put(path(mine), `serial: ${mine}\n`);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const seconds = (performance.now() - began) / 1000;
    const reads = await measure(CLIENTS, 1, (n) => service.call('GET', path(n)));
    const counts = new Map(
      git('count-objects', '-v')
        .split('\n')
        .map((line) => line.split(': ') as [string, string]),
    );
    const cells = [
      [String(made + BLOCK), 7],
      [(BLOCK / seconds).toFixed(0), 9],
      [reads.perSecond.toFixed(0), 8],
      [service.memory().toFixed(0), 10],
      [counts.get('count') ?? '', 7],
      [counts.get('packs') ?? '', 6],
      [(Number(counts.get('size-pack')) / 1024).toFixed(0), 10],
    ] as const;
    process.stdout.write(`${cells.map(([text, width]) => text.padStart(width)).join(' ')}\n`);
  }
  git('fsck', '--full');
  process.stdout.write('git fsck: whole\n');
} finally {
  await service.stop();
}
