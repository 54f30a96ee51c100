/** Which versions a resource has had, and how stages differ. */
import { expect } from 'chai';
import { z } from 'zod';
import { startConfiguration, type Configuration } from './launch/configuration.ts';

const carts = '/project/p1/stage/dev/service/carts';
const historySchema = z.object({
  nextPageKey: z.string(),
  commits: z.array(z.looseObject({ version: z.string(), message: z.string(), time: z.string() })),
});
const compareSchema = z.object({
  nextPageKey: z.string(),
  totalCount: z.int(),
  changes: z.array(z.object({ resourceURI: z.string(), change: z.string() }).loose()),
});

describe('the versions of resources', () => {
  let service: Configuration;
  before(async () => {
    service = await startConfiguration();
  });
  after(() => service.stop());

  const history = async (path: string): Promise<z.infer<typeof historySchema>> =>
    historySchema.parse((await service.ask(`GET ${path}`)).json);
  const compare = async (query: string): Promise<z.infer<typeof compareSchema>> =>
    compareSchema.parse((await service.ask(`GET /project/p1/compare?${query}`)).json);

  it('are told newest first, with author and cause, and each can be read', async () => {
    const headers = {
      'x-keptn-context': 'context-1',
      'x-keptn-author': 'Zoe <zoe@example.com>',
      'x-keptn-cause': 'Resource default/carts-slo uid=u-1 generation=2',
    };
    await service.put(`${carts}/resource/a%2Fslo.yaml`, '1');
    await service.put(`${carts}/resource/other.yaml`, '1');
    await service.put(`${carts}/resource/a%2Fslo.yaml`, '2', headers);
    const { nextPageKey, commits } = await history(`${carts}/resource/a%2Fslo.yaml/history`);
    expect(nextPageKey).to.equal('0');
    expect(commits.map(({ message }) => message)).to.deep.equal([
      'Updated resource: a/slo.yaml',
      'Updated resource: a/slo.yaml',
    ]);
    expect(commits[0]).to.deep.include({
      author: { name: 'Zoe', email: 'zoe@example.com' },
      keptnContext: 'context-1',
      causedBy: 'Resource default/carts-slo',
    });
    expect(Date.now() - Date.parse(commits[0]?.time ?? '')).to.be.lessThan(60_000);
    const old = await service.ask(`GET ${carts}/resource/a%2Fslo.yaml?gitCommitId=${commits[1]?.version}`);
    expect(old.json).to.have.property('resourceContent', Buffer.from('1').toString('base64'));
  });

  it('are told in pages, of a chart, and of what is gone', async () => {
    const path = `${carts}/resource/helm%2Fcarts%2Fvalues.yaml`;
    for (let n = 0; n < 5; n += 1) await service.put(path, `${n}`);
    await service.ask(`DELETE ${path}`);
    const seen: string[] = [];
    let key = '';
    for (let page = 0; page < 10 && key !== '0'; page += 1) {
      const found = await history(`${path}/history?pageSize=2${key && `&nextPageKey=${key}`}`);
      seen.push(...found.commits.map(({ version }) => version));
      key = found.nextPageKey;
    }
    expect(new Set(seen).size).to.equal(6);
    expect((await history(`${carts}/resource/helm%2Fcarts.tgz/history`)).commits).to.have.length(6);
  });

  it('are refused for what has never been, and for a page key that somebody made up', async () => {
    expect((await service.ask(`GET ${carts}/resource/never/history`)).status).to.equal(404);
    expect((await service.ask('GET /project/nope/resource/a/history')).status).to.equal(404);
    const made = await service.ask(`GET ${carts}/resource/other.yaml/history?nextPageKey=$(reboot)`);
    expect(made.status).to.equal(422);
    const unknown = await service.ask(`GET ${carts}/resource/other.yaml/history?nextPageKey=${'a'.repeat(40)}`);
    expect(unknown.status).to.equal(404);
  });

  it('are compared between two stages, versions and services', async () => {
    await service.ask('POST /project/p1/stage/dev/service', { serviceName: 'db' });
    await service.put('/project/p1/stage/dev/service/db/resource/both', 'dev');
    await service.ask('POST /project/p1/stage/prod/service', { serviceName: 'db' });
    await service.put('/project/p1/stage/prod/service/db/resource/both', 'prod');
    await service.put('/project/p1/stage/prod/service/db/resource/only-prod', '1');
    const { changes } = await compare('from=prod&to=dev&serviceName=db');
    expect(changes.map(({ resourceURI, change }) => [resourceURI, change])).to.deep.equal([
      ['/db/both', 'modified'],
      ['/db/metadata.yaml', 'modified'],
      ['/db/only-prod', 'removed'],
    ]);
    const all = await compare('from=prod&to=dev&pageSize=1');
    expect(all.totalCount).to.be.greaterThan(3);
    expect(all.nextPageKey).to.equal('1');
    const head = await service.git.head('p1', 'dev');
    expect((await compare(`from=dev&to=${head}`)).changes).to.deep.equal([]);
    expect((await compare('from=master&to=prod')).changes.map(({ resourceURI }) => resourceURI)).to.include(
      '/db/only-prod',
    );
  });

  it('cannot be compared with what is not there', async () => {
    const asked: [string, number, string][] = [
      ['from=dev', 422, 'to in query is required'],
      ['from=dev&to=zz', 404, 'There is no stage and no commit zz'],
      [`from=dev&to=${'0'.repeat(40)}`, 404, 'There is no stage and no commit'],
      ['from=dev&to=../../x', 422, 'to in query'],
    ];
    for (const [query, status, message] of asked) {
      const { status: seen, json } = await service.ask(`GET /project/p1/compare?${query}`);
      expect([query, seen]).to.deep.equal([query, status]);
      expect(json).to.have.property('message').that.includes(message);
    }
    expect((await service.ask('GET /project/nope/compare?from=dev&to=prod')).status).to.equal(404);
  });
});
