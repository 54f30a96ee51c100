/** Installations as tests want them: a spec as a user writes it, with what follows from it. */
import type { V1Container, V1PodSpec, V1PodTemplateSpec } from '@kubernetes/client-node';
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
  spec: z.object({
    template: z.custom<V1PodTemplateSpec & { spec: V1PodSpec }>((value) => value !== undefined),
    volumeClaimTemplates: z.array(z.object({ metadata: z.object({ name: z.string() }) })).default([]),
  }),
});

/** What the pods of a Deployment or StatefulSet are made of, with the volumes of the claims; undefined of other objects. */
export function templateOf(object: { kind: string }): V1PodTemplateSpec | undefined {
  if (object.kind !== 'Deployment' && object.kind !== 'StatefulSet') return undefined;
  const { template, volumeClaimTemplates } = workload.parse(object).spec;
  const claimed = volumeClaimTemplates.map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: name },
  }));
  return { ...template, spec: { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...claimed] } };
}

export const containersOf = (objects: readonly { kind: string }[]): V1Container[] =>
  objects.flatMap((object) => templateOf(object)?.spec?.containers ?? []);
