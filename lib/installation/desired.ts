/** All components of an installation, in the order in which they are brought up. */
import { ingressComponent } from './ingress.ts';
import type { Component, Installation } from './installation.ts';
import { mongodbComponent } from './mongodb.ts';
import { natsComponent } from './nats.ts';
import { partsOf } from './parts.ts';
import { pluggedInComponent } from './plugged-in.ts';
import { tillerComponent } from './tiller.ts';
import { partComponent } from './workload.ts';

export function componentsOf(installation: Installation): Component[] {
  const { spec } = installation;
  return [
    ...(spec.nats.url === undefined ? [natsComponent(installation)] : []),
    ...(spec.mongodb.uriRef === undefined ? [mongodbComponent(installation)] : []),
    ...partsOf(installation).map((part) => partComponent(installation, part)),
    ...(spec.services ?? []).map((given) => pluggedInComponent(installation, given)),
    ...(spec.helm.version === 'v2' ? [tillerComponent(installation)] : []),
    ingressComponent(installation),
  ];
}
