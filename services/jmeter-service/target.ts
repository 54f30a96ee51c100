/** Where the tests of a deployment go: its address, and what 0.6.2's plans know of it. */
import { Terminal } from '../../lib/errors/classes.ts';
import type { DeploymentFinished } from '../../lib/events/workflow.ts';

export interface Target {
  url: string;
  protocol: string;
  host: string;
  port: string;
  /** Of the health check. */
  path: string;
}

const ports: Readonly<Record<string, string>> = { http: '80', https: '443' };

export function targetOf(deployment: DeploymentFinished): Target {
  const text = addressOf(deployment);
  const url = URL.parse(text);
  const protocol = url?.protocol.replace(/:$/, '') ?? '';
  const port = ports[protocol];
  if (url === null || port === undefined) {
    throw new Terminal('InvalidField', `the address of the deployment is no http or https address: ${text}`);
  }
  // To a URL no path is '/', which is another place than 0.6.2 asks.
  const path = /^[^/?#]*\/\/[^/?#]*\//.test(text) ? url.pathname : '/health';
  return { url: `${url.origin}${path}`, protocol, host: url.hostname, port: url.port || port, path };
}

/** The address that the event gives, else the name by convention. */
export function addressOf(deployment: DeploymentFinished): string {
  const { project, stage, service, deploymentstrategy, deploymentURILocal, deploymentURIPublic } = deployment;
  if (deploymentURILocal !== '') return deploymentURILocal;
  if (deploymentURIPublic !== '') return deploymentURIPublic;
  const canary = deploymentstrategy === 'blue_green_service' ? '-canary' : '';
  return `http://${service}${canary}.${project}-${stage}/health`;
}
