/** From changes to reconciliations: a change enqueues keys, a worker reads the object by its key and runs its steps. */
import { KeptnError, messageOf, Waiting } from '../lib/errors/classes.ts';
import { isKind, kindNames, nameOf, type Kind, type Stored } from '../lib/model/object.ts';
import { holds } from '../lib/model/status.ts';
import { noSpan, traced, type Span } from '../lib/observe/trace.ts';
import type { Change } from '../lib/resources/port.ts';
import { concernsItself, dependentsOf } from './dependents.ts';
import { finish, type Requeue } from './finish.ts';
import { projectReconciler } from './project.ts';
import { KeyQueue } from './queue.ts';
import { begin, runSteps, type Parts, type Reconciler } from './reconciliation.ts';
import { resourceReconciler } from './resource.ts';
import { serviceReconciler } from './service.ts';
import { stageReconciler } from './stage.ts';
import { isDeleted } from './steps.ts';

export interface ControllerOptions {
  /** Keys in work at once. */
  workers: number;
  /** Each object is looked at again after about this time, also when nothing told a change. */
  resyncMs: number;
}

const keyOf = (object: Stored): string => `${object.kind}/${object.metadata.namespace}/${object.metadata.name}`;

/** Runs one kind's reconciler on the object that a key names. */
function runner<K extends Kind>(
  reconciler: Reconciler<K>,
): (parts: Parts, ref: { namespace: string; name: string }) => Promise<Requeue> {
  return async (parts, ref) => {
    const object = parts.store.objects.get(reconciler.kind, ref);
    if (!object) return { kind: 'none' };
    // Without our finalizer a deleted object is none of our business any more.
    if (isDeleted(object) && !object.metadata.finalizers?.length) return { kind: 'none' };
    const run = begin(parts, object);
    const controller = reconciler.kind.toLowerCase();
    const reconcile = async (span: Span): Promise<Requeue> => {
      const stop = parts.metrics.reconcileSeconds.startTimer({ controller });
      const outcome = await runSteps(isDeleted(object) ? reconciler.finalize : reconciler.steps, run);
      if (outcome.kind === 'failed' && !(outcome.error instanceof Waiting)) {
        span.fail(`${outcome.step.name}: ${messageOf(outcome.error)}`);
      }
      const requeue = await finish(run, outcome);
      stop();
      return requeue;
    };
    // To find everything as it should be is nothing that happens in a keptn context.
    if (!isDeleted(object) && holds(object, 'Ready')) return reconcile(noSpan);
    const attributes = { 'keptn.context': run.context, 'keptn.key': nameOf(object) };
    return traced({ name: `reconcile ${controller}`, context: run.context, attributes }, reconcile);
  };
}

const runners = {
  Project: runner(projectReconciler),
  Stage: runner(stageReconciler),
  Service: runner(serviceReconciler),
  Resource: runner(resourceReconciler),
};

export class Controller {
  readonly #parts: Parts;
  readonly #options: ControllerOptions;
  readonly #queue: KeyQueue;
  #started = false;

  constructor(parts: Parts, options: ControllerOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#queue = new KeyQueue('keptn', parts.metrics);
  }

  /** Keys that wait or are in work. */
  get busy(): number {
    return this.#queue.size;
  }

  /** Takes a change of the store; before `run` nothing is enqueued. */
  changed(change: Change): void {
    if (!this.#started) return;
    if (concernsItself(change)) this.#queue.add(keyOf(change.object));
    for (const object of dependentsOf(change, this.#parts.store.objects)) this.#queue.add(keyOf(object));
  }

  /** Begins with every object that there is; resolves after `stop`, when the last worker has ended. */
  async run(): Promise<void> {
    this.#started = true;
    const { objects } = this.#parts.store;
    for (const kind of kindNames) for (const object of objects.list(kind)) this.#queue.add(keyOf(object));
    await this.#queue.run(this.#options.workers, (key) => this.#work(key));
  }

  stop(): void {
    this.#started = false;
    this.#queue.close();
  }

  async #work(key: string): Promise<void> {
    const requeue = await this.#reconcile(key);
    if (requeue.kind === 'retry') this.#queue.retry(key);
    else {
      this.#queue.forget(key);
      const resync = this.#options.resyncMs * (0.8 + Math.random() * 0.4);
      this.#queue.addAfter(key, requeue.kind === 'after' ? Math.min(requeue.ms, resync) : resync);
    }
  }

  /** Never rejects: what escapes the steps comes from the store, and is retried. */
  async #reconcile(key: string): Promise<Requeue> {
    const [kind, namespace = '', name = ''] = key.split('/');
    if (!isKind(kind)) throw new Error(`not a key: ${key}`);
    try {
      return await runners[kind](this.#parts, { namespace, name });
    } catch (error) {
      const line = {
        key: nameOf({ kind, metadata: { namespace, name } }),
        ...(error instanceof KeptnError ? { reason: error.message } : { err: error }),
      };
      this.#parts.log.info(line, 'result not recorded, retrying');
      return { kind: 'retry' };
    }
  }
}
