/** Where the values of SLIs come from. */
import type { GetSli } from '../../../lib/events/workflow.ts';
import type { Measured } from '../scoring/objective.ts';

export interface SliRequest extends GetSli {
  indicators: string[];
  keptnContext: string;
  /** The version of the configuration that the request is about. */
  commit: string | undefined;
}

export interface SliProvider {
  /** One for each indicator; where there is no value, a message that says why. Rejects when it may work later. */
  valuesOf(request: SliRequest, signal: AbortSignal): Promise<Measured[]>;
}

export const noValue = (metric: string, message: string): Measured => ({ metric, value: 0, success: false, message });

/** JSON knows finite numbers alone. `shown`: as the source has it. */
export function valueOf(metric: string, value: number, shown = String(value)): Measured {
  return Number.isFinite(value) ? { metric, value, success: true } : noValue(metric, `${shown} is no value`);
}
