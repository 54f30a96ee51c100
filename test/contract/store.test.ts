/** The contract of the event store on both adapters, and what only one of them has to withstand. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { MongoClient } from 'mongodb';
import { Transient } from '../../lib/errors/classes.ts';
import type { KeptnEvent } from '../../lib/events/event.ts';
import { sample } from '../../lib/store/contract-parts.ts';
import { storeContract } from '../../lib/store/contract.ts';
import { createMongoStore } from '../../lib/store/mongodb/store.ts';
import {
  countLogsQuestion,
  countQuestion,
  eventsQuestion,
  logsQuestion,
  rootsQuestion,
} from '../../lib/store/sqlite/questions.ts';
import { openDatabase } from '../../lib/store/sqlite/schema.ts';
import { openSqliteStore } from '../../lib/store/sqlite/store.ts';
import { facets } from '../../lib/store/stored.ts';
import { sharedMongo } from '../launch/mongo.ts';

async function dropDatabase(uri: string): Promise<void> {
  const client = await MongoClient.connect(uri);
  await client.db().dropDatabase();
  await client.close();
}

storeContract('SQLite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'keptn-store-'));
  return {
    open: () => openSqliteStore({ path: join(directory, 'events.sqlite') }),
    remove: () => rm(directory, { recursive: true }),
  };
});

storeContract('MongoDB', async () => {
  const { url } = await sharedMongo();
  const uri = `${url}keptn-${randomUUID()}`;
  return { open: () => Promise.resolve(createMongoStore(uri)), remove: () => dropDatabase(uri) };
});

describe('the event store on SQLite', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-store-'));
    path = join(directory, 'events.sqlite');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('reads every page from an index, without sorting', () => {
    const database = openDatabase({ path, durable: true });
    const span = { from: 0, before: 9 };
    const columns = [...facets, 'context'] as const;
    const one = columns.map((column) => [{ column, value: 1 }]);
    const two = columns.flatMap((a) =>
      columns
        .filter((b) => b !== a)
        .map((b) => [
          { column: a, value: 1 },
          { column: b, value: 2 },
        ]),
    );
    const logs = [{}, { eventId: 'e' }, { keptnContext: 'c' }, { eventId: 'e', keptnContext: 'c' }];
    const pages = [undefined, [5, 5]] as const;
    const questions = [
      ...[[], ...one, ...two].flatMap((conditions) => [
        countQuestion(conditions, span, 10),
        ...pages.flatMap((after) => [
          eventsQuestion(conditions, span, after, 20),
          rootsQuestion(conditions, span, after, 20),
        ]),
      ]),
      ...logs.flatMap((filter) => [
        countLogsQuestion(filter, 10),
        ...pages.map((after) => logsQuestion(filter, after, 20)),
      ]),
    ];
    for (const { sql, values } of questions) {
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
      const steps = plan.map(({ detail }) => String(detail)).join('\n');
      expect(steps, sql).to.match(/ USING (COVERING )?(INDEX|PRIMARY KEY|INTEGER PRIMARY KEY)/);
      expect(steps, sql).not.to.match(/TEMP B-TREE|SCAN (events|roots|contexts|logs)($|\n)/);
    }
    database.close();
  });

  it('answers while it writes and deletes', async () => {
    const store = await openSqliteStore({ path });
    const batch = (): KeptnEvent[] => Array.from({ length: 500 }, () => sample({ time: new Date().toISOString() }));
    const writing = Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let n = 0; n < 8; n += 1) await store.append(batch());
      }),
    );
    let isWriting = true;
    void writing.finally(() => (isWriting = false));
    let slowest = 0;
    let reads = 0;
    for (; isWriting; reads += 1) {
      const began = performance.now();
      await store.query({ project: 'sockshop' }, { size: 20 });
      slowest = Math.max(slowest, performance.now() - began);
      if (reads % 10 === 0) void store.prune({ maxCount: 5_000 }, 500);
    }
    await writing;
    await store.close();
    expect(reads).to.be.above(20);
    expect(slowest).to.be.below(500);
  });

  it('goes on after more was asked of its thread than it has memory for', async () => {
    const store = await openSqliteStore({ path });
    const large = 'x'.repeat(2_000_000);
    const failure: unknown = await store
      .append(Array.from({ length: 130 }, () => sample({ data: large })))
      .catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Transient);
    expect(await store.append([sample()])).to.equal(1);
    expect((await store.query({}, { size: 20 })).total).to.equal(1);
    await store.close();
  });

  it('refuses a file of a later version, and one that is no database', async () => {
    openDatabase({ path, durable: true }).close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    const later: unknown = await openSqliteStore({ path }).catch((error: unknown) => error);
    expect(String(later)).to.match(/is of version 99/);
    const text = join(directory, 'text');
    await writeFile(text, 'no database '.repeat(1000));
    const none: unknown = await openSqliteStore({ path: text }).catch((error: unknown) => error);
    expect(String(none)).to.match(/not a database/);
  });
});
