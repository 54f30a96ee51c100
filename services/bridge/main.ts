/** The Bridge as a process: `npm run bridge`. Nobody gets in without logging in, wherever it listens. */
import { z } from 'zod';
import { serveHealth } from '../../lib/observe/health.ts';
import { createLog } from '../../lib/observe/log.ts';
import { createProcessMetrics } from '../../lib/observe/process-metrics.ts';
import { list, port, runProgram } from '../../lib/observe/program.ts';
import { startBridge } from './service.ts';

const settings = z
  .object({
    API_URI: z.url().default('http://api-service:8080'),
    /** The API token, as the api has it; who gives it is let in. */
    SECRET_TOKEN: z.string().min(16),
    /** `off`: the API token opens the api alone. */
    BRIDGE_TOKEN_LOGIN: z.enum(['on', 'off']).default('on'),
    BASIC_AUTH_USERNAME: z.string().optional(),
    BASIC_AUTH_PASSWORD: z.string().optional(),
    /** Where people reach the Bridge: `https://bridge.example.com`. */
    BRIDGE_URL: z.url().optional(),
    OIDC_ISSUER: z.url().optional(),
    OIDC_CLIENT_ID: z.string().optional(),
    OIDC_CLIENT_SECRET: z.string().optional(),
    OIDC_SCOPE: z.string().default('openid email profile'),
    /** Who may in: addresses, `@domain`, `group:name`, or `*`. */
    OIDC_ALLOW: z.string().transform(list).optional(),
    OIDC_LABEL: z.string().default('Log in with your account'),
    OIDC_INSECURE: z.enum(['on', 'off']).default('off'),
    VERSION: z.string().default('0.6.2'),
    PORT: port.default(3000),
    /** Port of /healthz and /metrics. */
    KEPTN_HEALTH_PORT: port.default(8081),
    KEPTN_LISTEN_HOST: z.string().min(1).default('0.0.0.0'),
  })
  .refine(
    (given) => (given.BASIC_AUTH_USERNAME === undefined) === (given.BASIC_AUTH_PASSWORD === undefined),
    'BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD belong together',
  )
  .refine(
    ({ OIDC_ISSUER: issuer, OIDC_CLIENT_ID: id, OIDC_ALLOW: allow }) =>
      issuer === undefined || (id !== undefined && allow !== undefined),
    'OIDC_ISSUER needs OIDC_CLIENT_ID, and OIDC_ALLOW to say who may in',
  )
  .refine(
    (given) =>
      given.BRIDGE_TOKEN_LOGIN === 'on' || given.BASIC_AUTH_USERNAME !== undefined || given.OIDC_ISSUER !== undefined,
    'nobody could log in: set BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD, or OIDC_ISSUER, or BRIDGE_TOKEN_LOGIN=on',
  );

const log = createLog('bridge');

const metrics = createProcessMetrics();

await runProgram(log, settings, async (given) => [
  await startBridge({
    api: given.API_URI,
    access: {
      token: given.SECRET_TOKEN,
      tokenLogin: given.BRIDGE_TOKEN_LOGIN === 'on',
      basic: basicOf(given),
    },
    oidc: oidcOf(given),
    publicUrl: given.BRIDGE_URL,
    version: given.VERSION,
    host: given.KEPTN_LISTEN_HOST,
    port: given.PORT,
    metrics,
    log,
  }),
  await serveHealth(given.KEPTN_LISTEN_HOST, given.KEPTN_HEALTH_PORT, metrics.registry),
]);

type Settings = z.output<typeof settings>;

function basicOf({ BASIC_AUTH_USERNAME: user, BASIC_AUTH_PASSWORD: password }: Settings) {
  return user === undefined || password === undefined ? undefined : { user, password };
}

function oidcOf(given: Settings) {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_ALLOW: allow } = given;
  if (issuer === undefined || clientId === undefined || allow === undefined) return undefined;
  const [clientSecret, scope, label] = [given.OIDC_CLIENT_SECRET, given.OIDC_SCOPE, given.OIDC_LABEL];
  return { issuer, clientId, clientSecret, scope, allow, label, insecure: given.OIDC_INSECURE === 'on' };
}
