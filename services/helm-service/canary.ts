/** The end of a canary: promoted, what was tested becomes the primary; discarded, the primary gets all traffic again. */
import { generatedName, hasTemplates, readChart, writeChart } from './charts/chart.ts';
import { withRemedies } from './charts/remedies.ts';
import { withWeight } from './charts/weights.ts';
import type { Watching } from './deployer/port.ts';
import { generate, ownChart, upgradeOrRestore } from './deploy.ts';
import { generatedRelease, ownRelease, placeOf, type HelmParts, type Target } from './target.ts';
import { direct } from './traffic.ts';

/** `commit`: of the configuration that was tested. Every step may be repeated. */
export async function promote(
  parts: HelmParts,
  target: Target,
  commit: string | undefined,
  watching: Watching,
): Promise<void> {
  const { configuration } = parts;
  const place = placeOf(target);
  const before = await readChart(configuration, place, generatedName(target.service));
  const generated = await generate(parts, target, 100, commit);
  if (!generated) return;
  const primary = withRemedies(generated, before);
  await writeChart(configuration, place, primary, target.cause);
  await upgradeOrRestore(parts, target, generatedRelease(target, primary), before, watching);
  await discard(parts, target, watching, commit);
}

/** All traffic to the primary, no pods for the canary, which is also how a promotion ends. */
export async function discard(parts: HelmParts, target: Target, watching: Watching, commit?: string): Promise<void> {
  const { configuration, deployer } = parts;
  const place = placeOf(target);
  const own = await ownChart(parts, target, commit);
  const generated = await readChart(configuration, place, generatedName(target.service));
  if (!generated || !hasTemplates(generated)) return;
  const chart = withWeight(generated, 0);
  await writeChart(configuration, place, chart, target.cause);
  await deployer.upgrade(generatedRelease(target, chart), watching);
  await direct(parts, target, chart, 0);
  await deployer.upgrade(ownRelease(target, own, 0), watching);
  await direct(parts, target, chart, 0);
}
