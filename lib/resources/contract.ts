/** What every adapter of the ResourceStore port must do, as tests: each test has a namespace of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Terminal, Transient } from '../errors/classes.ts';
import { API_VERSION, FINALIZER } from '../model/kind.ts';
import { kindNames, kinds, type Kind, type Stored } from '../model/object.ts';
import type { Change, ResourceStore } from './port.ts';

/** An object as a user writes it. */
export interface Declaration {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string; labels?: Record<string, string> };
  [part: string]: unknown;
}

export interface OpenedStore {
  store: ResourceStore;
  /** For this test alone. */
  namespace: string;
  /** As a user declares an object: `kubectl apply`, or a file. */
  put(object: Declaration): Promise<void>;
  /** As a user is refused: what is said about why. */
  refusal(object: Declaration): Promise<string>;
  /** As a user deletes it: does not wait for finalizers. */
  delete(kind: string, name: string): Promise<void>;
  /** A new store on the same objects, as in a new process; the former one has been closed. */
  reopen(): Promise<ResourceStore>;
  /** After the store was closed. */
  cleanup(): Promise<void>;
}

const DEADLINE_MS = 20_000;

interface Forbidden {
  /** Part of the rule's message, which the user is told. */
  rule: string;
  name?: string;
  /** What was in effect before, for a rule about changes. */
  before?: object;
  spec: object;
}

const place = { project: 'shop', stage: 'dev', service: 'carts', uri: 'a' };
const file = { ...place, text: '' };
const moved = (before: object, field: string): Forbidden => ({
  rule: `spec.${field} cannot be changed`,
  before,
  spec: { ...before, [field]: 'other' },
});

/** For each rule of each kind what it forbids. */
const forbidden: Record<Kind, Forbidden[]> = {
  Project: [
    { rule: 'metadata.name is the name of the Keptn project', name: 'a.b', spec: {} },
    {
      rule: '"master" is the branch of the project itself',
      spec: { shipyard: { stages: [{ name: 'master', deployment_strategy: 'direct' }] } },
    },
  ],
  Stage: [
    moved({ project: 'shop', name: 'dev' }, 'project'),
    moved({ project: 'shop', name: 'dev' }, 'name'),
    { rule: 'without spec.name, metadata.name must be a DNS label', name: 'a.b', spec: { project: 'shop' } },
    { rule: '"master" is the branch of the project itself', name: 'master', spec: { project: 'shop' } },
  ],
  Service: [
    moved({ project: 'shop', name: 'carts' }, 'project'),
    { rule: 'spec.name cannot be changed', before: { project: 'shop' }, spec: { project: 'shop', name: 'carts' } },
    { rule: 'without spec.name, metadata.name must be a DNS label', name: '0a', spec: { project: 'shop' } },
  ],
  Resource: [
    ...['project', 'stage', 'service', 'uri'].map((field) => moved(file, field)),
    { rule: 'exactly one of text, base64', spec: { ...file, base64: 'YQ==' } },
    { rule: 'must not have a segment ".", ".." or ".git"', spec: { ...file, uri: 'a/../b' } },
  ],
};

async function rejection(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

export function resourceStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`ResourceStore on ${name}`, () => {
    let opened: OpenedStore;
    let store: ResourceStore;
    let told: Change[];

    const declaration = (kind: string, name: string, spec: object, labels?: Record<string, string>): Declaration => ({
      apiVersion: API_VERSION,
      kind,
      metadata: { name, namespace: opened.namespace, ...(labels && { labels }) },
      spec,
    });
    const resource = (name: string, more: object = {}): Declaration =>
      declaration('Resource', name, { project: 'shop', uri: `${name}.txt`, text: 'a', ...more });
    const get = <K extends Kind>(kind: K, name: string): Stored<K> | undefined =>
      store.objects.get(kind, { namespace: opened.namespace, name });
    const until = async (what: string, test: () => boolean | Promise<boolean>): Promise<void> => {
      for (const deadline = Date.now() + DEADLINE_MS; !(await test()); await sleep(10))
        if (Date.now() > deadline) throw new Error(`not in ${DEADLINE_MS} ms: ${what}`);
    };
    /** The object once it is as the test says. */
    const seen = async <K extends Kind>(
      kind: K,
      name: string,
      test: (object: Stored<K>) => boolean = () => true,
    ): Promise<Stored<K>> => {
      let found: Stored<K> | undefined;
      await until(`${kind} ${name}`, () => {
        found = get(kind, name);
        return found !== undefined && test(found);
      });
      if (!found) throw new Error('unreachable');
      return found;
    };
    const declared = async (name: string, more: object = {}): Promise<Stored<'Resource'>> => {
      await opened.put(resource(name, more));
      return seen('Resource', name);
    };
    const toldOf = (name: string): Change[] =>
      told.filter(({ object: { metadata } }) => metadata.namespace === opened.namespace && metadata.name === name);
    /** All that the store was going to tell by now, it has told. */
    const barrier = async (): Promise<void> => void (await declared(`barrier-${told.length}`));
    const follow = async (next: ResourceStore): Promise<void> => {
      store = next;
      told = [];
      await store.follow((change) => told.push(change));
    };

    beforeEach(async () => {
      opened = await open();
      await follow(opened.store);
    });
    afterEach(async () => {
      await store.close();
      await opened.cleanup();
    });

    it('tells an object that is declared, with the defaults of its kind', async () => {
      await opened.put(declaration('Stage', 'dev', { project: 'shop' }, { team: 'a' }));
      const stage = await seen('Stage', 'dev');
      expect(stage.spec).to.deep.equal({
        project: 'shop',
        order: 0,
        deploymentStrategy: 'direct',
        deletionPolicy: 'Delete',
      });
      expect(stage.metadata).to.include({ generation: 1, namespace: opened.namespace });
      expect(stage.metadata.labels).to.deep.equal({ team: 'a' });
      expect(new Date(stage.metadata.creationTimestamp).getTime()).to.be.closeTo(Date.now(), 60_000);
      expect(toldOf('dev')).to.have.length(1);
      expect(toldOf('dev')[0]).to.include({ object: stage, previous: undefined, deleted: false });
      expect(store.objects.ofProject('Stage', opened.namespace, 'shop')).to.deep.equal([stage]);
    });

    it('does not tell a change that changes nothing', async () => {
      const before = await declared('a');
      await opened.put(resource('a'));
      await barrier();
      expect(get('Resource', 'a')).to.equal(before);
      expect(toldOf('a')).to.have.length(1);
    });

    it('raises the generation only when the spec changes', async () => {
      const { metadata } = await declared('a');
      await opened.put(declaration('Resource', 'a', { ...(resource('a').spec as object) }, { team: 'b' }));
      const labelled = await seen('Resource', 'a', (object) => object.metadata.labels !== undefined);
      const withStatus = await store.patchStatus(labelled, { commit: 'c' });
      const withFinalizer = await store.setFinalizers(withStatus, [FINALIZER]);
      expect(withFinalizer.metadata).to.include({ generation: 1, uid: metadata.uid });
      await opened.put(resource('a', { text: 'b' }));
      const changed = await seen('Resource', 'a', ({ spec }) => spec.text === 'b');
      expect(changed.metadata).to.include({ generation: 2, uid: metadata.uid });
      const versions = toldOf('a').map(({ object }) => Number(object.metadata.resourceVersion));
      expect(versions).to.deep.equal([...versions].sort((a, b) => a - b));
      await store.setFinalizers(changed, []);
    });

    it('tells the state before a change', async () => {
      await declared('a');
      await opened.put(resource('a', { text: 'b' }));
      await seen('Resource', 'a', ({ spec }) => spec.text === 'b');
      const [first, second] = toldOf('a');
      expect(second?.previous).to.equal(first?.object);
    });

    it('keeps an object with a finalizer until the finalizer is gone', async () => {
      const kept = await store.setFinalizers(await declared('a'), [FINALIZER]);
      await opened.delete('Resource', 'a');
      const leaving = await seen('Resource', 'a', (object) => object.metadata.deletionTimestamp !== undefined);
      expect(leaving.metadata).to.include({ uid: kept.metadata.uid });
      expect(leaving.metadata.finalizers).to.deep.equal([FINALIZER]);
      const withStatus = await store.patchStatus(leaving, { commit: 'last' });
      expect(toldOf('a').some(({ deleted }) => deleted)).to.be.false;
      await store.setFinalizers(withStatus, []);
      await until('it is gone', () => get('Resource', 'a') === undefined);
      expect(toldOf('a').at(-1)).to.deep.include({ deleted: true });
    });

    it('deletes an object without finalizers at once, and makes it anew with another uid', async () => {
      const first = await declared('a');
      await opened.delete('Resource', 'a');
      await until('it is gone', () => toldOf('a').some(({ deleted }) => deleted));
      expect(get('Resource', 'a')).to.be.undefined;
      const second = await declared('a');
      expect(second.metadata.uid).not.to.equal(first.metadata.uid);
      expect(second.metadata.generation).to.equal(1);
      expect(await rejection(store.patchStatus(first, { commit: 'c' }))).to.be.instanceOf(Transient);
    });

    it('does not lose a status and finalizers when the spec changes', async () => {
      const marked = await store.setFinalizers(await declared('a'), [FINALIZER]);
      await store.patchStatus(marked, { commit: 'c', observedGeneration: 1 });
      await opened.put(resource('a', { text: 'b' }));
      const changed = await seen('Resource', 'a', ({ metadata }) => metadata.generation === 2);
      expect(changed.status).to.deep.equal({ commit: 'c', observedGeneration: 1 });
      expect(changed.metadata.finalizers).to.deep.equal([FINALIZER]);
      await store.setFinalizers(changed, []);
    });

    it('replaces the whole status: a field that is not given goes', async () => {
      const first = await store.patchStatus(await declared('a'), { commit: 'c', keptnContext: 'k' });
      const second = await store.patchStatus(first, { commit: 'd' });
      expect(second.status).to.deep.equal({ commit: 'd' });
    });

    it('refuses a stale write', async () => {
      const old = await declared('a');
      await store.patchStatus(old, { commit: 'first' });
      expect(await rejection(store.patchStatus(old, { commit: 'second' }))).to.be.instanceOf(Transient);
      expect(await rejection(store.setFinalizers(old, [FINALIZER]))).to.be.instanceOf(Transient);
      expect(get('Resource', 'a')?.status).to.deep.equal({ commit: 'first' });
    });

    it('shows a write in the view at once, and tells it once', async () => {
      const written = await store.patchStatus(await declared('a'), { commit: 'c' });
      expect(get('Resource', 'a')).to.deep.equal(written);
      const marked = await store.setFinalizers(written, [FINALIZER]);
      expect(get('Resource', 'a')).to.deep.equal(marked);
      await store.setFinalizers(marked, []);
      await barrier();
      expect(toldOf('a')).to.have.length(4);
    });

    it('knows the older of two claimants first', async () => {
      const older = await declared('z-older', { uri: 'same' });
      // Kubernetes counts in whole seconds.
      await sleep(1_100);
      const younger = await declared('a-younger', { uri: 'same' });
      await declared('other');
      expect(store.objects.claimants(younger)).to.deep.equal([older, younger]);
    });

    it('creates an object once, and keeps it until it is removed', async () => {
      const ref = { namespace: opened.namespace, name: 'shop' };
      const twice = await Promise.allSettled(
        [1, 2].map(() => store.create('Project', ref, { deletionPolicy: 'Delete' })),
      );
      const [made] = twice.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const [refused] = twice.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
      expect(refused).to.be.instanceOf(Terminal).with.property('code', 'AlreadyExists');
      expect(get('Project', 'shop')?.metadata.uid).to.equal(made?.metadata.uid);
      const stages = [{ name: 'master', deployment_strategy: 'direct' as const }];
      const wrong = store.create(
        'Project',
        { ...ref, name: 'other' },
        { deletionPolicy: 'Delete', shipyard: { stages } },
      );
      expect(await rejection(wrong))
        .to.be.instanceOf(Terminal)
        .with.property('code', 'Rejected');
      await opened.put(declaration('Project', 'another', {}));
      await seen('Project', 'another');
      await store.close();
      await follow(await opened.reopen());
      await seen('Project', 'another');
      const kept = await seen('Project', 'shop');
      await store.remove(kept);
      await until('it is gone', () => get('Project', 'shop') === undefined);
    });

    it('puts an object as a person declares it: made, changed, and left alone when it is the same', async () => {
      const metadata = { namespace: opened.namespace, name: 'shop', annotations: { team: 'a' } };
      const put = (spec: object) => store.put({ kind: 'Project', metadata, spec });
      const made = await put({ suspend: true });
      expect(get('Project', 'shop')).to.deep.equal(made);
      expect(made.metadata).to.have.property('generation', 1);
      expect(made.metadata.annotations).to.include({ team: 'a' });
      expect((await put({ suspend: true })).metadata.resourceVersion).to.equal(made.metadata.resourceVersion);
      expect((await put({ suspend: false })).metadata).to.include({ generation: 2, uid: made.metadata.uid });
      for (const [spec, why] of [
        [{ suspended: true }, /suspended/],
        [{ shipyard: { stages: [{ name: 'master', deployment_strategy: 'direct' }] } }, /"master" is the branch/],
      ] as const) {
        expect(await rejection(put(spec)))
          .to.be.instanceOf(Terminal)
          .that.includes({ code: 'Rejected' })
          .with.property('message')
          .that.matches(why);
      }
      await store.remove(await seen('Project', 'shop'));
      await until('it is gone', () => get('Project', 'shop') === undefined);
    });

    it('puts nothing over what another object makes', async () => {
      await opened.put(declaration('Project', 'shop', {}));
      const owner = await seen('Project', 'shop');
      const metadata = { namespace: opened.namespace, name: 'shop-dev' };
      const spec = { project: 'shop', order: 0, deploymentStrategy: 'direct', deletionPolicy: 'Delete' } as const;
      const made = await store.apply({ kind: 'Stage', metadata: { ...metadata, owner }, spec });
      const refused = await rejection(store.put({ kind: 'Stage', metadata, spec: { ...spec, order: 1 } }));
      expect(refused)
        .to.be.instanceOf(Terminal)
        .with.property('message')
        .that.includes('Project shop makes it; declare it there');
      expect(get('Stage', 'shop-dev')).to.deep.equal(made);
    });

    it('applies and removes owned objects', async () => {
      await opened.put(declaration('Project', 'shop', {}));
      const owner = await seen('Project', 'shop');
      const metadata = { namespace: opened.namespace, name: 'shop-dev', owner };
      const spec = { project: 'shop', order: 0, deploymentStrategy: 'direct', deletionPolicy: 'Delete' } as const;
      const made = await store.apply({ kind: 'Stage', metadata, spec });
      expect(get('Stage', 'shop-dev')).to.deep.equal(made);
      expect(made.metadata.ownerReferences?.map(({ uid, controller }) => [uid, controller])).to.deep.equal([
        [owner.metadata.uid, true],
      ]);
      const same = await store.apply({ kind: 'Stage', metadata, spec });
      expect(same.metadata).to.include({ generation: 1, resourceVersion: made.metadata.resourceVersion });
      const changed = await store.apply({ kind: 'Stage', metadata, spec: { ...spec, order: 1 } });
      expect(changed.metadata).to.include({ generation: 2, uid: made.metadata.uid });
      const refused = await rejection(store.apply({ kind: 'Stage', metadata, spec: { ...spec, project: 'other' } }));
      expect(refused).to.be.instanceOf(Terminal);
      expect(get('Stage', 'shop-dev')?.spec.project).to.equal('shop');

      await store.setFinalizers(changed, [FINALIZER]);
      await store.remove(changed);
      const leaving = await seen('Stage', 'shop-dev', (stage) => stage.metadata.deletionTimestamp !== undefined);
      await store.setFinalizers(leaving, []);
      await until('it is gone', () => get('Stage', 'shop-dev') === undefined);
      await store.remove(leaving);
    });

    it('reads a value of a ConfigMap and of a Secret, text or bytes; undefined for a missing key or object', async () => {
      const { namespace } = opened;
      const bytes = Buffer.from([0, 255, 128]);
      const metadata = { name: 'files', namespace };
      const [data, binaryData] = [{ text: 'ü\n' }, { bytes: bytes.toString('base64') }];
      await opened.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data, binaryData });
      const secret = { data: { a: bytes.toString('base64') }, stringData: { b: 'plain' } };
      await opened.put({ apiVersion: 'v1', kind: 'Secret', metadata, ...secret });
      const read = async (kind: 'ConfigMap' | 'Secret', key: string, name = 'files'): Promise<string | undefined> => {
        const value = await store.readValue({ kind, namespace, name, key });
        return value && Buffer.from(value).toString('hex');
      };
      const hex = (text: string): string => Buffer.from(text).toString('hex');
      await until('the Secret is there', async () => (await read('Secret', 'b')) === hex('plain'));
      await until('the ConfigMap is there', async () => (await read('ConfigMap', 'text')) === hex('ü\n'));
      expect(await read('Secret', 'a')).to.equal('00ff80');
      expect(await read('ConfigMap', 'bytes')).to.equal('00ff80');
      for (const kind of ['ConfigMap', 'Secret'] as const) {
        expect(await read(kind, 'missing')).to.be.undefined;
        expect(await read(kind, 'text', 'missing')).to.be.undefined;
      }
    });

    it('goes on from the same state after a restart, and tells every object', async () => {
      const before = await store.patchStatus(await store.setFinalizers(await declared('a'), [FINALIZER]), {
        commit: 'c',
      });
      await store.close();
      await follow(await opened.reopen());
      expect(get('Resource', 'a')).to.deep.equal(before);
      expect(toldOf('a')).to.have.length(1);
      await store.setFinalizers(before, []);
    });

    it('tells changes and deletions that happened while it was not following', async () => {
      const marked = await store.setFinalizers(await declared('marked'), [FINALIZER]);
      await declared('plain');
      await declared('changed');
      await store.close();
      for (const name of ['marked', 'plain']) await opened.delete('Resource', name);
      await opened.put(resource('changed', { text: 'b' }));
      await opened.put(resource('new'));
      await follow(await opened.reopen());
      const leaving = await seen('Resource', 'marked', (object) => object.metadata.deletionTimestamp !== undefined);
      expect(leaving.metadata.uid).to.equal(marked.metadata.uid);
      expect(toldOf('marked').at(-1)?.object).to.deep.equal(leaving);
      expect(get('Resource', 'plain')).to.be.undefined;
      expect(get('Resource', 'changed')?.metadata.generation).to.equal(2);
      expect(get('Resource', 'new')?.metadata.generation).to.equal(1);
      await store.setFinalizers(leaving, []);
      await until('it is gone', () => get('Resource', 'marked') === undefined);
    });

    it('refuses a field that the schema does not know or that has no value, and names it', async () => {
      expect(await opened.refusal(resource('a', { txet: 'a' }))).to.include('spec.txet');
      expect(await opened.refusal({ ...resource('b'), spce: {} })).to.include('spce');
      expect(await opened.refusal(resource('c', { suspend: null }))).to.include('spec.suspend');
      expect(store.objects.ofProject('Resource', opened.namespace, 'shop')).to.be.empty;
    });

    for (const kind of kindNames) {
      for (const { message } of kinds[kind].rules) {
        it(`refuses what a rule of ${kind} forbids: ${message}`, async () => {
          const example = forbidden[kind].find(({ rule }) => message.includes(rule));
          if (!example) throw new Error('the contract has no example of the rule');
          const { rule, name = 'a', before, spec } = example;
          if (before) await opened.put(declaration(kind, name, before));
          const former = before && (await seen(kind, name));
          expect(await opened.refusal(declaration(kind, name, spec))).to.include(rule);
          expect(get(kind, name)).to.equal(former);
        });
      }
    }

    it('tells its health', async () => {
      expect(store.health().synced).to.be.true;
      expect(store.health().quietSeconds).to.be.lessThan(60);
    });
  });
}
