/**
 * Makes custom resources of what people ask for by REST, so that kubectl and the command line always show the same: the
 * operator does the work, and tells of it in the keptn context that is given back.
 */
import { parse } from 'yaml';
import type { z } from 'zod';
import { messageOf, Terminal } from '../../lib/errors/classes.ts';
import type { Configuration } from '../../lib/configuration/client.ts';
import { FieldError } from '../../lib/http/validate.ts';
import { contextOf } from '../../lib/model/keptn-context.ts';
import { problemsOf } from '../../lib/model/names.ts';
import type { Kind, Spec, Stored } from '../../lib/model/object.ts';
import { shipyardSchema } from '../../lib/model/project.ts';
import { shipyardStages } from '../../lib/model/shipyard.ts';
import { keptnName } from '../../lib/model/stage.ts';
import type { ResourceStore } from '../../lib/resources/port.ts';
import { unpackChart } from '../../lib/chart/archive.ts';
import type { objectBody, projectBody, serviceBody } from './schemas.ts';

type NewProject = z.output<typeof projectBody>;
type NewService = z.output<typeof serviceBody>;

export interface DeclareSettings {
  store: ResourceStore;
  configuration: Configuration;
  /** Where objects are made. */
  namespace: string;
}

/** Methods give the keptn context in which the work is told. */
export class Declarations {
  readonly #settings: DeclareSettings;

  constructor(settings: DeclareSettings) {
    this.#settings = settings;
  }

  get namespace(): string {
    return this.#settings.namespace;
  }

  async createProject(project: NewProject): Promise<string> {
    const { store, configuration, namespace } = this.#settings;
    const { name } = project;
    const shipyard = shipyardIn(project.shipyard);
    const upstream = upstreamIn(project);
    if (store.objects.get('Project', { namespace, name })) {
      throw new Terminal('AlreadyExists', `Project ${name} already exists`);
    }
    // The token goes to where tokens are kept, and into no object.
    if (upstream) await configuration.ensureProject(name, upstream);
    return contextOf(await store.create('Project', { namespace, name }, { shipyard, deletionPolicy: 'Delete' }));
  }

  /** As `kubectl apply` does; says what has come of it. */
  async apply(object: z.output<typeof objectBody>) {
    const { store, namespace } = this.#settings;
    const { kind, spec } = object;
    const { name, namespace: given = namespace, labels, annotations } = object.metadata;
    if (given !== namespace) {
      throw new Terminal('Forbidden', `metadata.namespace: ${given} is not ${namespace}, where this Keptn looks`);
    }
    const before = store.objects.get(kind, { namespace, name });
    const metadata = { namespace, name, labels: labels ?? undefined, annotations: annotations ?? undefined };
    const stored = await store.put({ kind, metadata, spec });
    const isSame = before?.metadata.resourceVersion === stored.metadata.resourceVersion;
    const outcome = before === undefined ? 'created' : isSame ? 'unchanged' : 'configured';
    return { outcome, ...shownOf(stored) } as const;
  }

  read(kind: Kind, name: string) {
    const { store, namespace } = this.#settings;
    const object = store.objects.get(kind, { namespace, name });
    if (!object) throw new Terminal('NotFound', `there is no ${kind} ${name} in ${namespace}`);
    return shownOf(object);
  }

  async deleteProject(name: string): Promise<string> {
    const project = this.#project(name);
    const { store, namespace } = this.#settings;
    await store.remove(project);
    // Else they would wait for a project of that name, and come back with it.
    const left = (['Service', 'Resource', 'Stage'] as const).flatMap((kind): Stored[] =>
      store.objects.ofProject(kind, namespace, name),
    );
    await Promise.all(left.map((object) => store.remove(object)));
    return contextOf({ metadata: { ...project.metadata, deletionTimestamp: new Date().toISOString() } });
  }

  async createService(
    projectName: string,
    { serviceName: name, helmChart, deploymentStrategies }: NewService,
  ): Promise<string> {
    const { store, namespace } = this.#settings;
    const project = this.#project(projectName);
    const ref = { namespace, name: `${projectName}-${name}` };
    const known = store.objects.ofProject('Service', namespace, projectName).some((one) => keptnName(one) === name);
    if (known) throw new Terminal('AlreadyExists', `Service ${name} already exists in project ${projectName}`);
    if (helmChart) await this.#writeChart(project, name, helmChart);
    const spec: Spec<'Service'> = {
      project: projectName,
      name,
      deletionPolicy: 'Delete',
      ...(deploymentStrategies && { deploymentStrategies }),
    };
    return contextOf(await store.create('Service', ref, spec), project.metadata.uid);
  }

  #project(name: string): Stored<'Project'> {
    const { store, namespace } = this.#settings;
    const project = store.objects.get('Project', { namespace, name });
    if (project === undefined || project.metadata.deletionTimestamp !== undefined) {
      throw new Terminal('NotFound', `Project ${name} does not exist`);
    }
    return project;
  }

  /** Before the Service: who listens for its event finds the chart in Git. */
  async #writeChart(project: Stored<'Project'>, service: string, chart: string): Promise<void> {
    const { store, configuration } = this.#settings;
    const { namespace, name } = project.metadata;
    const content = Buffer.from(chart, 'base64');
    // Before anything is made of it.
    await unpackChart(content, 'helmChart');
    for (const { name: stage } of shipyardStages(project, store.objects.ofProject('Stage', namespace, name))) {
      await configuration.ensureService(name, stage, service);
      await configuration.write({ project: name, stage, service }, `helm/${service}.tgz`, content);
    }
  }
}

function shownOf({ kind, metadata: { namespace, name, generation }, status = {} }: Stored) {
  return { kind, namespace, name, generation, status };
}

function shipyardIn(base64: string): z.output<typeof shipyardSchema> {
  let content: unknown;
  try {
    content = parse(Buffer.from(base64, 'base64').toString('utf8'));
  } catch (error) {
    throw new FieldError(605, `shipyard in body is no YAML: ${messageOf(error)}`);
  }
  const result = shipyardSchema.safeParse(content);
  if (result.success) return result.data;
  throw new FieldError(605, `shipyard in body: ${problemsOf(result.error)}`);
}

function upstreamIn({ gitUser = '', gitToken = '', gitRemoteURL = '' }: NewProject) {
  const given = [gitUser, gitToken, gitRemoteURL].filter((one) => one !== '').length;
  if (given === 0) return undefined;
  if (given < 3)
    throw new FieldError(602, 'gitUser, gitToken and gitRemoteURL in body belong together: give all or none');
  return { url: gitRemoteURL, user: gitUser, token: gitToken };
}
