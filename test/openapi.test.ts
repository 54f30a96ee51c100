/** The document that the configuration-service gives of itself, and the page to try it. */
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { z } from 'zod';
import { startBrowser } from './launch/browser.ts';
import { startConfiguration, type Configuration } from './launch/configuration.ts';

const parameter = z.object({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean().optional(),
});
const content = z.object({ 'application/json': z.object({ schema: z.looseObject({}) }) });
const operation = z.strictObject({
  operationId: z.string(),
  tags: z.array(z.string()).min(1),
  summary: z.string().min(5),
  parameters: z.array(parameter.loose()),
  requestBody: z.object({ required: z.literal(true), content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: content.optional() })),
});
const documentSchema = z.strictObject({
  openapi: z.literal('3.1.0'),
  info: z.object({ title: z.string(), version: z.string() }).loose(),
  paths: z.record(z.string(), z.record(z.enum(['get', 'post', 'put', 'delete']).or(z.string()), operation)),
  components: z.object({ schemas: z.record(z.string(), z.looseObject({})) }),
});

/** The paths and methods of 0.6.2's contract. */
const contract: Record<string, string> = {
  '/project': 'get post',
  '/project/{projectName}': 'delete get put',
  '/project/{projectName}/stage': 'get post',
  '/project/{projectName}/stage/{stageName}': 'delete get put',
  '/project/{projectName}/stage/{stageName}/service': 'get post',
  '/project/{projectName}/stage/{stageName}/service/{serviceName}': 'delete get put',
  '/project/{projectName}/service/{serviceName}/resource': 'get post put',
  '/project/{projectName}/service/{serviceName}/resource/{resourceURI}': 'delete put',
};
for (const level of ['', '/stage/{stageName}', '/stage/{stageName}/service/{serviceName}']) {
  contract[`/project/{projectName}${level}/resource`] = 'get post put';
  contract[`/project/{projectName}${level}/resource/{resourceURI}`] = 'delete get put';
}

describe('the OpenAPI document of the configuration-service', () => {
  let service: Configuration;
  before(async () => {
    service = await startConfiguration();
  });
  after(() => service.stop());

  const read = async (): Promise<z.infer<typeof documentSchema>> =>
    documentSchema.parse(await (await fetch(`${service.url}/openapi.json`)).json());

  it('has every path and method of the contract', async () => {
    const { paths } = await read();
    for (const [path, methods] of Object.entries(contract)) {
      expect([
        path,
        Object.keys(paths[`/v1${path}`] ?? {})
          .sort()
          .join(' '),
      ]).to.deep.equal([path, methods]);
    }
  });

  it('is whole: parameters are declared, references lead somewhere, names are unique', async () => {
    const document = await read();
    const names = new Set<string>();
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const { operationId, parameters, responses } of Object.values(operations)) {
        expect(names.has(operationId), operationId).to.equal(false);
        names.add(operationId);
        const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        const declared = parameters.filter((each) => each.in === 'path' && each.required).map(({ name }) => name);
        expect(declared.sort()).to.deep.equal(inPath.sort());
        expect(Object.keys(responses))
          .to.include('default')
          .and.satisfy((all: string[]) => all.length > 1);
      }
    }
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name ?? '');
    expect(references.length).to.equal(text.split('"$ref"').length - 1);
    for (const name of references) expect(document.components.schemas).to.have.property(name);
  });

  it('says what the server holds requests to', async () => {
    const { paths } = await read();
    const list = paths['/v1/project']?.['get'];
    const pageSize = list?.parameters.find(({ name }) => name === 'pageSize');
    expect(pageSize?.['schema']).to.deep.include({ type: 'integer', minimum: 1, maximum: 50 });
    for (const given of [0, 51]) expect((await service.ask(`GET /project?pageSize=${given}`)).status).to.equal(422);
    for (const given of [1, 50]) expect((await service.ask(`GET /project?pageSize=${given}`)).status).to.equal(200);
  });
});

describe('the page to try the configuration-service', () => {
  let service: Configuration;
  let browser: Browser;
  before(async () => {
    service = await startConfiguration();
    browser = await startBrowser();
  });
  after(async () => {
    await browser.close();
    await service.stop();
  });

  it('lists the calls and makes one, with scripts of its own alone', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const problems: string[] = [];
    page.on('console', (message) => void (message.type() === 'error' && problems.push(message.text())));
    page.on('pageerror', (error) => problems.push(String(error)));
    const response = await page.goto(`${service.url}/`);
    expect(response?.headers()['content-security-policy']).to.include("script-src 'self';");
    const call = page.locator('#operations-Projects-getV1Project');
    await call.locator('button.opblock-summary-control').click();
    await call.locator('button.execute').click();
    const answer = call.locator('.live-responses-table .response').first();
    expect(await answer.locator('.response-col_status').textContent()).to.include('200');
    expect(await answer.locator('.response-col_description').textContent()).to.include('p1');
    expect(await page.locator('.opblock').count()).to.be.greaterThan(35);
    const picture = process.env['KEPTN_SCREENSHOTS'];
    if (picture !== undefined) await page.screenshot({ path: `${picture}/configuration-service.png` });
    expect(problems).to.deep.equal([]);
  });
});
