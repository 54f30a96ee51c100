/**
 * Writes (each a commit, durable) and reads a second of the configuration-service over HTTP, as projects and clients grow;
 * pages of lists; and what durability costs. Beside each figure what 0.6.2's own service reached on 2 cores.
 */
import {
  measure,
  startConfigurationProcess,
  type ConfigurationProcess,
  type Figures,
} from './configuration-process.ts';

const SECONDS = 3;
const stage = '/v1/project/bench/stage/dev';

/** Requests a second that 0.6.2 answered, by row; undefined where nobody measured. */
const before: Record<string, number | undefined> = {
  'write, 1 client, empty': 55,
  'write, 8 clients, empty': 61,
  'read, 1 client, empty': 150,
  'read, 8 clients, empty': 189,
};

function print(what: string, { perSecond, p50, p99 }: Figures): void {
  const old = before[what];
  const cells = [
    what.padEnd(44),
    perSecond.toFixed(0).padStart(7),
    p50.toFixed(1).padStart(8),
    p99.toFixed(1).padStart(8),
    String(old ?? '').padStart(7),
    (old === undefined ? '' : `${(perSecond / old).toFixed(1)} x`).padStart(8),
  ];
  process.stdout.write(`${cells.join(' ')}\n`);
}

const clientsOf = (clients: number): string => `${clients} client${clients > 1 ? 's' : ''}`;

/** Services s0, s1, … with the files spread over them. */
async function fill(service: ConfigurationProcess, services: number, files: number): Promise<void> {
  for (let at = 0; at < services; at += 1) {
    await service.call('POST', `${stage}/service`, { serviceName: `s${at}` });
    for (let from = 0; from < files / services; from += 500) {
      const resources = Array.from({ length: Math.min(500, files / services - from) }, (_, n) => ({
        resourceURI: `file${from + n}.yaml`,
        resourceContent: Buffer.from(`a: ${n}\n`).toString('base64'),
      }));
      await service.call('POST', `${stage}/service/s${at}/resource`, { resources });
    }
  }
}

interface Scenario {
  name: string;
  services: number;
  files: number;
  clients: number[];
  fsync?: 'on' | 'off';
  isWritesOnly?: boolean;
}

async function bench({ name, services, files, clients, fsync = 'on', isWritesOnly = false }: Scenario): Promise<void> {
  const service = await startConfigurationProcess(fsync);
  try {
    await fill(service, services, files);
    const path = (serial: number): string => `${stage}/service/s${serial % services}/resource/bench${serial % 16}.yaml`;
    const write = (serial: number): Promise<void> => service.put(path(serial), `serial: ${serial} ${Math.random()}\n`);
    await measure(8, 1, write);
    for (const n of clients) print(`write, ${clientsOf(n)}, ${name}`, await measure(n, SECONDS, write));
    if (isWritesOnly) return;
    const read = (serial: number): Promise<void> => service.call('GET', path(serial % (16 * services)));
    for (let serial = 0; serial < 16 * services; serial += 1) await write(serial);
    for (const n of clients) print(`read, ${clientsOf(n)}, ${name}`, await measure(n, SECONDS, read));
    const pages = Math.max(1, Math.floor(files / 50));
    const list = (serial: number): Promise<void> =>
      service.call('GET', `${stage}/resource?pageSize=50&nextPageKey=${(serial % pages) * 50}`);
    print(`list of 50, 1 client, ${name}`, await measure(1, SECONDS, list));
    process.stdout.write(`memory after ${name}: ${service.memory().toFixed(0)} MB\n`);
  } finally {
    await service.stop();
  }
}

process.stdout.write(`${'one resource a request'.padEnd(44)}   per s   p50 ms   p99 ms   0.6.2   ratio\n`);
const all = [1, 8, 64];
await bench({ name: 'empty', services: 1, files: 0, clients: all });
await bench({ name: '1,000 files in 10 services', services: 10, files: 1000, clients: all });
await bench({ name: '10,000 files in 100 services', services: 100, files: 10_000, clients: all });
await bench({ name: '5,000 files in one folder', services: 1, files: 5000, clients: [1, 8], isWritesOnly: true });
await bench({ name: 'empty, fsync off', services: 1, files: 0, clients: [1, 8], fsync: 'off', isWritesOnly: true });
