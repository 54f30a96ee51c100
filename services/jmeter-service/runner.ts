/** What runs a plan: the program JMeter, or the http runner of this process. */
import type { TestReport } from '../../lib/events/workflow.ts';

export interface Run {
  /** The content of the .jmx file. */
  plan: Buffer;
  /** The properties that the plan asks for with __P. */
  properties: Readonly<Record<string, string>>;
  /** Where each request is to be written, in JMeter's CSV; undefined: nowhere. */
  reportFile: string | undefined;
  /** Told from time to time how far it is. */
  progress: (text: string) => void;
  signal: AbortSignal;
}

export interface Measured {
  report: TestReport;
  /** Of the first request that failed. */
  firstFailure: string;
}

export interface Runner {
  /** Rejects with `Terminal` for what will not run however often it is tried, and with the reason of the signal. */
  run(run: Run): Promise<Measured>;
}
