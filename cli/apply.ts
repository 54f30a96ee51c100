/** Sends manifests one after another, and waits until what they declare is in effect. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { findCondition, statusSchema } from '../lib/model/status.ts';
import { at, type Client } from './client.ts';
import { CliError, exitCodes } from './errors.ts';
import type { Manifest } from './manifests.ts';
import type { Output } from './output.ts';

const LOOK_MS = 250;
const shown = z.object({ kind: z.string(), name: z.string(), generation: z.int(), status: statusSchema });
const appliedSchema = shown.extend({ outcome: z.string() });
export type Applied = z.infer<typeof appliedSchema>;

/** What is refused does not keep the others: it is told at the end, as `failed`. */
export async function applyAll(client: Client, manifests: readonly Manifest[], output: Output): Promise<Applied[]> {
  const applied: Applied[] = [];
  const refused: string[] = [];
  for (const { kind, name, source, object } of manifests) {
    try {
      applied.push(await client.call('PUT', '/v1/object', appliedSchema, object));
    } catch (error) {
      if (!(error instanceof CliError) || error.code !== exitCodes.failed.code) throw error;
      refused.push(`${kind} ${name}`);
      output.line('ERROR', `${kind} ${name} (${source}): ${error.message}`);
    }
  }
  if (refused.length === 0) return applied;
  for (const { kind, name, outcome } of applied) output.line('INFO', `${kind} ${name} ${outcome}`);
  throw new CliError('failed', `${refused.length} of ${manifests.length} are refused: ${refused.join(', ')}`);
}

/** Rejects with `failed` when one waits for a person, with `timeout` when it is not done in time. */
export async function whenReady(
  client: Client,
  applied: readonly Applied[],
  output: Output,
  timeoutMs: number,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (const { kind, name } of applied) {
    for (let told = ''; ; await sleep(LOOK_MS)) {
      const { generation, status } = await client.call('GET', at('object', kind, name), shown);
      const ready = findCondition(status, 'Ready');
      const isCurrent = ready?.observedGeneration === generation;
      if (isCurrent && ready.status === 'True') break;
      if (isCurrent && findCondition(status, 'Stalled')) {
        throw new CliError('failed', `${kind} ${name}: ${ready.message}`);
      }
      const message = isCurrent ? ready.message : 'waits for the operator';
      if (Date.now() > end) {
        throw new CliError('timeout', `not Ready within ${timeoutMs / 1000} s: ${kind} ${name}: ${message}`);
      }
      if (message !== told) output.line('INFO', `${kind} ${name}: ${message}`);
      told = message;
    }
  }
}
