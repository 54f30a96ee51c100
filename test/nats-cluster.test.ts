/** NATS as an installation with three replicas configures it, each server on a loopback address of its own. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect } from 'chai';
import { eventOf, recorder, until } from '../lib/bus/contract-parts.ts';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import { natsConfig } from '../lib/installation/nats.ts';
import type { EventBus } from '../lib/bus/port.ts';
import { createLog } from '../lib/observe/log.ts';
import { locate } from '../tools/real-parts/locate.ts';
import { ManagedProcess } from '../tools/real-parts/managed-process.ts';
import { temporaryFolder } from '../tools/real-parts/temporary.ts';
import { containersOf, installed } from './launch/installed.ts';

const REPLICAS = 3;
const type = 'sh.keptn.event.cause';
const log = createLog('test', 'silent');
const hostOf = (index: number): string => `127.78.0.${index + 1}`;

async function startCluster(folder: string): Promise<ManagedProcess[]> {
  const objects = installed({ nats: { replicas: REPLICAS } }).flatMap((component) => component.objects);
  const probe = containersOf(objects).find(({ name }) => name === 'nats')?.readinessProbe?.httpGet;
  const program = await locate('nats-server');
  const servers = await Promise.all(
    Array.from({ length: REPLICAS }, async (_, index) => {
      const name = `keptn-nats-cluster-${index}`;
      const file = join(folder, `${name}.conf`);
      const config = natsConfig(REPLICAS)
        .replaceAll(/keptn-nats-cluster-(\d)\.keptn-nats-cluster-peers/g, (_match, peer) => hostOf(Number(peer)))
        .replaceAll('0.0.0.0', hostOf(index))
        .replace('/data', `"${join(folder, name)}"`);
      await writeFile(file, config);
      return new ManagedProcess({
        name,
        command: program,
        args: ['--config', file],
        env: { POD_NAME: name },
        ready: async () => (await fetch(`http://${hostOf(index)}:${String(probe?.port)}${probe?.path}`)).ok,
      });
    }),
  );
  await Promise.all(servers.map((server) => server.start()));
  return servers;
}

/** As all who send: what was not confirmed, while a leader is chosen, is sent again under its id. */
async function publishOn(bus: EventBus): Promise<void> {
  const event = eventOf(type);
  for (let tries = 1; ; tries += 1) {
    try {
      return void (await bus.publish(event));
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

describe('NATS with three replicas', () => {
  let folder: string;
  let servers: ManagedProcess[] = [];
  const urls = Array.from({ length: REPLICAS }, (_, index) => `nats://${hostOf(index)}:4222`);
  before(async () => {
    folder = await temporaryFolder('nats-cluster');
    servers = await startCluster(folder);
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.end('SIGKILL')));
    await rm(folder, { recursive: true });
  });

  const stream = async () => {
    const connection = await connect({ servers: urls });
    const { config, cluster } = await (await jetstreamManager(connection)).streams.info('keptn');
    await connection.close();
    return { replicas: config.num_replicas, leader: cluster?.leader };
  };

  it('has each event three times once a process asks for that, whoever was first', async () => {
    const parts = { servers: urls, log, publishTimeoutMs: 5_000 };
    const first = await connectNatsBus(parts);
    await publishOn(first);
    expect((await stream()).replicas).to.equal(1);
    const asking = await connectNatsBus({ ...parts, replicas: REPLICAS });
    await publishOn(asking);
    expect((await stream()).replicas).to.equal(REPLICAS);
    const last = await connectNatsBus(parts);
    await publishOn(last);
    expect((await stream()).replicas).to.equal(REPLICAS);
    for (const bus of [first, asking, last]) await bus.close();
  });

  it('loses none with the server that leads, and takes more without it', async () => {
    const bus = await connectNatsBus({ servers: urls, log, publishTimeoutMs: 5_000 });
    await publishOn(bus);
    const { leader } = await stream();
    await servers.find(({ name }) => name === leader)?.end('SIGKILL');
    await publishOn(bus);
    const { deliveries, handle } = recorder();
    await bus.subscribe({ durable: 'all', filters: [type], from: 'all' }, handle);
    await until('all events', () => deliveries.length === 5);
    await bus.close();
  });
});
