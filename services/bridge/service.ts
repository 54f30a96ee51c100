/** The Bridge: Keptn to look at. Serves the page, logs people in, and stands between them and the api. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { stream } from '../../lib/http/route.ts';
import { createApp, listen, type HttpServer } from '../../lib/http/server.ts';
import type { Logger } from '../../lib/observe/log.ts';
import type { ProcessMetrics } from '../../lib/observe/process-metrics.ts';
import { assetRoutes } from './assets.ts';
import { guard, headers } from './guard.ts';
import type { Access } from './identity.ts';
import { loginRoutes } from './login.ts';
import { oidcRoutes, type OidcSettings } from './oidc.ts';
import { proxyRoutes } from './proxy.ts';
import { Sessions } from './session.ts';

export interface BridgeSettings {
  /** Where the api is. */
  api: string;
  access: Access;
  oidc?: (OidcSettings & { label: string }) | undefined;
  /** Where people reach it, when that is not where it listens: `https://bridge.example.com`. */
  publicUrl?: string | undefined;
  /** What 0.6.2's page shows as version. */
  version: string;
  host: string;
  /** 0 for any that is free. */
  port: number;
  metrics: ProcessMetrics;
  log: Logger;
}

/** Made by tools/build-page.ts. */
const PAGE = join(import.meta.dirname, 'dist');
const BODY_LIMIT = 65_536;

export async function startBridge(settings: BridgeSettings): Promise<HttpServer> {
  const { api, access, oidc, publicUrl, version, host, port, metrics, log } = settings;
  const origin = publicUrl === undefined ? undefined : new URL(publicUrl).origin;
  const secure = origin?.startsWith('https:') ?? false;
  const sessions = new Sessions(access.token, secure);
  const proxy = proxyRoutes({ url: api, token: access.token }, version);
  let own = '';
  const routes = [
    stream('get', '/healthz', (_request, response) => void response.json({ status: 'ok' })),
    ...loginRoutes(sessions, { access, oidc: oidc?.label, origin }),
    ...(oidc ? oidcRoutes(sessions, oidc, () => origin ?? own, log) : []),
    ...proxy.routes,
    ...(await assetRoutes(PAGE)),
  ];
  const guards = [headers(secure), guard(sessions, access, origin)];
  const server = await listen(
    createApp({ name: 'bridge', metrics, routes, log, bodyLimit: BODY_LIMIT, guards }),
    host,
    port,
  );
  own = server.url;
  log.info({ url: server.url }, 'bridge listens');
  return {
    url: server.url,
    async close() {
      proxy.close();
      await server.close();
    },
  };
}

/** The secret of a link that logs in whoever opens it. */
export const newTicket = (): string => randomBytes(24).toString('base64url');
