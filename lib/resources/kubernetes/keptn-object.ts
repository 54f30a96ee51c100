/** The Keptn object of a namespace, as others than the operator see and change it. */
import { z } from 'zod';
import { Terminal } from '../../errors/classes.ts';
import { keptnSchema, type Keptn } from '../../model/keptn.ts';
import { API_VERSION } from '../../model/kind.ts';
import { problemsOf } from '../../model/names.ts';
import type { PlainObjects } from './plain-objects.ts';

type Json = Record<string, unknown>;

export class KeptnObject {
  readonly #objects: PlainObjects;
  readonly #ref: { apiVersion: string; kind: 'Keptn'; metadata: { name: string; namespace: string } };

  constructor(objects: PlainObjects, namespace: string) {
    this.#objects = objects;
    this.#ref = { apiVersion: API_VERSION, kind: 'Keptn', metadata: { name: 'keptn', namespace } };
  }

  /** With all defaults; `declared` is its spec without them. Undefined where there is none. */
  async read(): Promise<{ keptn: Keptn; declared: Json } | undefined> {
    const { namespace } = this.#ref.metadata;
    const [found] = await this.#objects.list(this.#ref, namespace);
    if (found === undefined) return undefined;
    const parsed = keptnSchema.safeParse({ apiVersion: API_VERSION, kind: 'Keptn', ...found });
    if (!parsed.success) {
      const why = problemsOf(parsed.error);
      throw new Terminal('InvalidField', `Keptn ${namespace}/keptn is of another version than this (${why})`);
    }
    return { keptn: parsed.data, declared: z.record(z.string(), z.unknown()).catch({}).parse(found['spec']) };
  }

  /** Changes what is named of its spec, and nothing else. */
  async change(spec: Json): Promise<void> {
    await this.#objects.merge(this.#ref, { spec });
  }
}
