/** Writers that say which version they have seen. */
import { expect } from 'chai';
import { base64, startConfiguration, type Asked, type Configuration } from './launch/configuration.ts';

const carts = '/project/p1/stage/dev/service/carts';
const file = `${carts}/resource/slo.yaml`;

describe('a write with a condition', () => {
  let service: Configuration;
  beforeEach(async () => {
    service = await startConfiguration();
  });
  afterEach(() => service.stop());

  const tagOf = async (path: string): Promise<string> => (await service.ask(`GET ${path}`)).headers.get('etag') ?? '';
  const message = ({ json }: Asked): string => String((json as { message?: unknown } | undefined)?.message);
  const content = async (): Promise<string> => {
    const { json } = await service.ask(`GET ${file}`);
    return Buffer.from((json as { resourceContent: string }).resourceContent, 'base64').toString();
  };

  it('is done while that is still the version, and refused with what to do afterwards', async () => {
    await service.put(file, '1');
    const tag = await tagOf(file);
    expect(tag).to.match(/^"[0-9a-f]{40}"$/);
    const written = await service.put(file, '2', { 'if-match': tag });
    expect(written.status).to.equal(201);
    expect(written.headers.get('etag')).to.equal(await tagOf(file));
    const refused = await service.put(file, '3', { 'if-match': tag });
    expect(refused.status).to.equal(412);
    expect(message(refused)).to.include('slo.yaml').and.include('read it again');
    expect(await content()).to.equal('2');
    expect((await service.ask(`DELETE ${file}`, undefined, { 'if-match': tag })).status).to.equal(412);
    const last = await tagOf(file);
    expect((await service.ask(`DELETE ${file}`, undefined, { 'if-match': last })).status).to.equal(204);
  });

  it('is won by exactly one of many that have seen the same', async () => {
    await service.put(file, '0');
    const tag = await tagOf(file);
    const writers = Array.from({ length: 20 }, (_, n) => service.put(file, `writer ${n}`, { 'if-match': tag }));
    const statuses = (await Promise.all(writers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).to.have.length(1);
    expect(statuses.filter((status) => status === 412)).to.have.length(19);
    expect(await content()).to.equal(`writer ${statuses.indexOf(201)}`);
  });

  it('creates and never replaces with If-None-Match: *', async () => {
    expect((await service.put(file, '1', { 'if-none-match': '*' })).status).to.equal(201);
    expect((await service.put(file, '2', { 'if-none-match': '*' })).status).to.equal(412);
    expect(await content()).to.equal('1');
  });

  it('replaces and never creates with If-Match: *', async () => {
    expect((await service.put(file, '1', { 'if-match': '*' })).status).to.equal(412);
    await service.put(file, '1');
    expect((await service.put(file, '2', { 'if-match': '*' })).status).to.equal(201);
  });

  it('is about the whole folder when several resources are written', async () => {
    const list = `${carts}/resource`;
    const tag = await tagOf(list);
    const body = { resources: [{ resourceURI: 'a', resourceContent: base64('1') }] };
    expect((await service.ask(`POST ${list}`, body, { 'if-match': tag })).status).to.equal(201);
    const other = { resources: [{ resourceURI: 'b', resourceContent: base64('1') }] };
    expect((await service.ask(`POST ${list}`, other, { 'if-match': tag })).status).to.equal(412);
    expect((await service.ask(`POST ${list}`, other, { 'if-match': await tagOf(list) })).status).to.equal(201);
  });

  it('holds for a chart, which is a folder in Git', async () => {
    const chart = `${carts}/resource/helm%2Fcarts.tgz`;
    await service.put(`${carts}/resource/helm%2Fcarts%2FChart.yaml`, 'name: carts');
    const tag = await tagOf(chart);
    await service.put(`${carts}/resource/helm%2Fcarts%2Fvalues.yaml`, 'a: 1');
    expect((await service.ask(`DELETE ${chart}`, undefined, { 'if-match': tag })).status).to.equal(412);
    const now = await tagOf(chart);
    expect((await service.ask(`DELETE ${chart}`, undefined, { 'if-match': now })).status).to.equal(204);
  });

  it('still says that a service is missing when it is', async () => {
    const path = '/project/p1/stage/dev/service/nope/resource/a';
    const refused = await service.put(path, '1', { 'if-none-match': '*' });
    expect([refused.status, message(refused)]).to.deep.equal([
      400,
      'Service nope does not exist within stage dev of project p1',
    ]);
  });

  it('is refused when the condition cannot be read, or speaks of several stages', async () => {
    const bad: [string, Record<string, string>][] = [
      [file, { 'if-match': 'abc' }],
      [file, { 'if-match': '"abc"' }],
      [file, { 'if-none-match': '"0123456789012345678901234567890123456789"' }],
      [file, { 'if-match': '*', 'if-none-match': '*' }],
      ['/project/p1/service/carts/resource/slo.yaml', { 'if-match': '*' }],
    ];
    for (const [path, headers] of bad) {
      const refused = await service.put(path, '1', headers);
      expect(refused.status).to.equal(422);
      expect(message(refused)).to.match(/^if-(none-)?match in header/);
    }
    expect((await service.ask(`GET ${file}`)).status).to.equal(404);
  });

  it('saves a reader what he has already', async () => {
    await service.put(file, '1');
    for (const path of [file, `${carts}/resource`]) {
      const headers = { 'if-none-match': await tagOf(path) };
      expect((await service.ask(`GET ${path}`, undefined, headers)).status).to.equal(304);
      await service.put(file, `${Math.random()}`);
      expect((await service.ask(`GET ${path}`, undefined, headers)).status).to.equal(200);
    }
  });
});
