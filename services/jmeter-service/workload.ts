/** How much a test strategy asks of a plan: as in 0.6.2, unless a file of the service says otherwise. */
import { z } from 'zod';
import { parseYamlFile } from '../../lib/configuration/yaml-file.ts';
import { resourceUri } from '../../lib/model/names.ts';

/** As later versions of Keptn have it. */
export const CONFIGURATION_URI = 'jmeter/jmeter.conf.yaml';

const workloadSchema = z.strictObject({
  teststrategy: z.string().min(1).toLowerCase(),
  script: resourceUri.optional(),
  vuser: z.int().min(1).max(1_000).optional(),
  loopcount: z.int().min(1).max(1_000_000).optional(),
  /** Milliseconds. */
  thinktime: z.int().min(0).max(3_600_000).optional(),
  acceptederrorrate: z.number().min(0).max(1, 'must be at most 1: 0.1 is 10 %').optional(),
  /** Milliseconds; 0: any. */
  avgrtvalidation: z.int().min(0).optional(),
  /** Further properties of JMeter. */
  properties: z.record(z.string().regex(/^[\w.-]+$/), z.string()).optional(),
});

const configuration = z.strictObject({
  spec_version: z.string().optional(),
  runner: z.enum(['http', 'jmeter']).optional(),
  workloads: z.array(workloadSchema).nullish(),
});
/** An empty file says nothing. */
const schema = configuration.nullable().transform((given): z.output<typeof configuration> => given ?? {});

export type TestConfiguration = z.output<typeof schema>;

export interface Workload {
  script: string;
  users: number;
  loops: number;
  thinkTimeMs: number;
  /** Of all requests, 0 to 1. */
  acceptedErrorRate: number;
  /** Of the average response time; 0: any. */
  maxAverageMs: number;
  properties: Readonly<Record<string, string>>;
  /** Of the name that monitoring tools see. */
  prefix: string;
}

const once = { users: 1, loops: 1, thinkTimeMs: 250, acceptedErrorRate: 0, maxAverageMs: 0, properties: {} };
const load = 'jmeter/load.jmx';
const healthCheck: Workload = { ...once, script: 'jmeter/basiccheck.jmx', prefix: 'HealthCheck_' };
const strategies = new Map<string, Workload>([
  ['healthcheck', healthCheck],
  ['functional', { ...once, script: load, prefix: 'FuncCheck_' }],
  ['performance', { ...once, script: load, users: 10, loops: 500, acceptedErrorRate: 0.1, prefix: 'PerfCheck_' }],
]);

/** Throws `Terminal` for a file that is not valid. */
export function configurationIn(text: string): TestConfiguration {
  return parseYamlFile(text, schema, CONFIGURATION_URI);
}

/** Undefined for a strategy that nobody knows. */
export function workloadOf(strategy: string, { workloads }: TestConfiguration): Workload | undefined {
  const known = strategies.get(strategy);
  const own = workloads?.find(({ teststrategy }) => teststrategy === strategy);
  if (own === undefined) return known;
  const base = known ?? { ...once, script: load, prefix: `${strategy}_` };
  return {
    script: own.script ?? base.script,
    users: own.vuser ?? base.users,
    loops: own.loopcount ?? base.loops,
    thinkTimeMs: own.thinktime ?? base.thinkTimeMs,
    acceptedErrorRate: own.acceptederrorrate ?? base.acceptedErrorRate,
    maxAverageMs: own.avgrtvalidation ?? base.maxAverageMs,
    properties: own.properties ?? base.properties,
    prefix: base.prefix,
  };
}

/** What is run before any other test, to see whether the service is up. */
export function healthCheckOf(configuration: TestConfiguration): Workload {
  return workloadOf('healthcheck', configuration) ?? healthCheck;
}
