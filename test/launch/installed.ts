/** Installations as tests want them: a spec as a user writes it, with what follows from it. */
import type { V1Container, V1PodTemplateSpec } from '@kubernetes/client-node';
import { z } from 'zod';
import { componentsOf } from '../../lib/installation/desired.ts';
import type { Component, IngressType } from '../../lib/installation/installation.ts';
import { keptnDefinition } from '../../lib/model/keptn.ts';

export const image = 'registry.example.com/keptn-operator:test';

export function installed(
  spec: z.input<typeof keptnDefinition.spec> = {},
  { namespace = 'keptn', ingress = 'None' }: { namespace?: string; ingress?: IngressType } = {},
): Component[] {
  return componentsOf({ namespace, spec: keptnDefinition.spec.parse(spec), image, ingress, secretsDigest: '0' });
}

const workload = z.object({
  spec: z.object({ template: z.custom<V1PodTemplateSpec>((value) => value !== undefined) }),
});

/** Of Deployments and StatefulSets; undefined of other objects. */
export const templateOf = (object: { kind: string }): V1PodTemplateSpec | undefined =>
  object.kind === 'Deployment' || object.kind === 'StatefulSet' ? workload.parse(object).spec.template : undefined;

export const containersOf = (objects: readonly { kind: string }[]): V1Container[] =>
  objects.flatMap((object) => templateOf(object)?.spec?.containers ?? []);
