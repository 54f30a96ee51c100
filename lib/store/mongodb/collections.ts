/** The collections, their indexes, and the one way to call the server: bounded in time, failures as `Transient`. */
import { MongoClient, MongoError, type Collection, type Db, type MongoClientOptions } from 'mongodb';
import { messageOf, Terminal, Transient } from '../../errors/classes.ts';
import { facets, type Facet } from '../stored.ts';

/** An event, with its facets, or a log entry, with its event. */
export interface ListedDocument extends Partial<Record<Facet | 'event', string>> {
  /** Of an event its id. */
  _id: string;
  order: string;
  context: string;
  body: string;
}

export interface ContextDocument {
  /** The keptn context. */
  _id: string;
  /** Of its oldest event. Lower than that for a moment, or for ever, when a write was broken off: see roots.ts. */
  order: string;
  /** `project=sockshop` and so on: at least those of its events. */
  facets: string[];
  /** When an event of it was written last. */
  touched: Date;
}

const options: MongoClientOptions = {
  appName: 'keptn',
  // What is acknowledged stays, also when another member becomes the primary.
  writeConcern: { w: 'majority', journal: true },
  serverSelectionTimeoutMS: 3_000,
  connectTimeoutMS: 3_000,
  socketTimeoutMS: 20_000,
  waitQueueTimeoutMS: 5_000,
};

export class Collections {
  // Not `events` and `logs`: there 0.6.2 has documents of another form.
  readonly events: Collection<ListedDocument>;
  readonly contexts: Collection<ContextDocument>;
  readonly logs: Collection<ListedDocument>;
  readonly #client: MongoClient;
  readonly #database: Db;
  #prepared: Promise<void> | undefined;

  /** `uri` may name the database behind its hosts; else it is `keptn`. Connects with the first call. */
  constructor(uri: string) {
    const isNamed = /^[^/]*\/\/[^/]+\/[^?]/.test(uri);
    this.#client = clientOf(uri);
    this.#database = this.#client.db(isNamed ? undefined : 'keptn');
    this.events = this.#database.collection('keptn-events');
    this.contexts = this.#database.collection('keptn-contexts');
    this.logs = this.#database.collection('keptn-logs');
  }

  /** Runs `work` when the indexes are there. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.#prepared ??= this.#prepare();
      await this.#prepared;
      return await work();
    } catch (error) {
      // Whatever the server says, it is nothing that a client of ours could have caused: what comes in is checked.
      if (error instanceof MongoError) throw new Transient(`MongoDB: ${messageOf(error)}`, { cause: error });
      throw error;
    }
  }

  /** Rejects unless the server answers. */
  check(): Promise<void> {
    return this.call(async () => void (await this.#database.command({ ping: 1 })));
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #prepare(): Promise<void> {
    try {
      // A client whose first connection failed stays as it is until it is told to connect.
      await this.#client.connect();
      await this.#index(this.events, ['context', ...facets]);
      await this.#index(this.contexts, ['facets']);
      await this.#index(this.logs, ['context', 'event']);
    } catch (error) {
      this.#prepared = undefined;
      throw error;
    }
  }

  async #index(collection: Pick<Collection<ListedDocument>, 'createIndex'>, fields: readonly string[]): Promise<void> {
    await collection.createIndex({ order: -1 });
    // One by one: FerretDB breaks off when several of a list are there already.
    for (const field of fields) await collection.createIndex({ [field]: 1, order: -1 });
  }
}

function clientOf(uri: string): MongoClient {
  try {
    return new MongoClient(uri, options);
  } catch {
    // The driver's message quotes the address, with its password.
    throw new Terminal('InvalidField', 'the address of MongoDB is not valid');
  }
}
