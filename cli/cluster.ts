/** The cluster that a kubeconfig names, for the commands about an installation. */
import { VersionApi, type KubeConfig } from '@kubernetes/client-node';
import { messageOf } from '../lib/errors/classes.ts';
import { dnsLabel } from '../lib/model/names.ts';
import { Caller, sentenceOf, statusOf } from '../lib/resources/kubernetes/calls.ts';
import { KeptnObject } from '../lib/resources/kubernetes/keptn-object.ts';
import { ObjectClient } from '../lib/resources/kubernetes/objects.ts';
import { PlainObjects } from '../lib/resources/kubernetes/plain-objects.ts';
import { loadKubeConfig } from '../lib/resources/kubernetes/store.ts';
import { CliError } from './errors.ts';
import type { ClusterFlags } from './session.ts';

/** Owner of the fields that the command line applies. */
const MANAGER = 'keptn-cli';

export interface Cluster {
  config: KubeConfig;
  /** Name of the context. */
  context: string;
  server: string;
  /** Of Kubernetes, such as v1.34.3. */
  version: string;
  /** Of the installation. */
  namespace: string;
  /** Of any kind. */
  objects: ObjectClient;
  /** Of API groups, as they stand in a manifest. */
  plain: PlainObjects;
  keptn: KeptnObject;
}

/** Throws `usage` where the flags name nothing, `unreachable` where nobody answers, `unauthorized` where nobody is let in. */
export async function openCluster({ kubeconfig, context, namespace }: ClusterFlags): Promise<Cluster> {
  if (!dnsLabel.safeParse(namespace).success) throw new CliError('usage', `--namespace: ${namespace} is no DNS label`);
  const config = configOf(kubeconfig);
  if (context !== undefined) {
    const known = config.getContexts().map(({ name }) => name);
    if (!known.includes(context)) {
      throw new CliError('usage', `--context: the kubeconfig has no context ${context}, but ${known.join(', ')}`);
    }
    config.setCurrentContext(context);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) {
    throw new CliError(
      'usage',
      '--context: the kubeconfig has no current context; kubectl config use-context sets one',
    );
  }
  const current = config.getCurrentContext();
  const version = await versionOf(config, `the cluster of context ${current} at ${server}`);
  const plain = new PlainObjects(config, MANAGER);
  return {
    ...{ config, context: current, server, version, namespace },
    ...{ objects: new ObjectClient(config, MANAGER), plain, keptn: new KeptnObject(plain, namespace) },
  };
}

/** The first call that it is asked. */
async function versionOf(config: KubeConfig, where: string): Promise<string> {
  try {
    const versions = config.makeApiClient(VersionApi);
    return (await new Caller().timed((options) => versions.getCode(options))).gitVersion;
  } catch (error) {
    if (statusOf(error) === 401) {
      throw new CliError('unauthorized', `${where} does not take the kubeconfig's credentials: log in to it anew`);
    }
    const why = sentenceOf(error);
    throw new CliError(
      'unreachable',
      `${where} does not answer (${why}): is it the right one? --context names another`,
    );
  }
}

function configOf(file: string | undefined): KubeConfig {
  try {
    return loadKubeConfig(file);
  } catch (error) {
    throw new CliError('usage', `--kubeconfig: ${messageOf(error)}`, { cause: error });
  }
}
