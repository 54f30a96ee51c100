/** Where no mesh moves traffic, the service's own Service is pointed at the pods that are to get it: all of it, or none. */
import { parse } from 'yaml';
import { z } from 'zod';
import type { Chart } from './charts/chart.ts';
import { namespaceOf, type HelmParts, type Target } from './target.ts';

const schema = z.looseObject({ spec: z.looseObject({ selector: z.record(z.string(), z.string()).optional() }) });

/** After each change of the weight, and of the own chart, which sets its Service back. */
export async function direct({ deployer }: HelmParts, target: Target, generated: Chart, weight: number): Promise<void> {
  if (target.strategy === 'direct' || (await deployer.mesh()) === 'istio') return;
  const role = weight === 0 ? 'primary' : 'canary';
  for (const [path, content] of generated.files) {
    const name = new RegExp(`^templates/(.+)-${role}-service\\.yaml$`).exec(path)?.[1];
    const { selector } = name === undefined ? {} : schema.parse(parse(content)).spec;
    if (name !== undefined && selector) await deployer.select(namespaceOf(target), name, selector);
  }
}
