/**
 * Spans: what a process does in a keptn context, one trace for each. They go to OpenTelemetry where its variables are set;
 * without them nothing of it is loaded, and what stands here does nothing.
 */
import { createHash } from 'node:crypto';
import type { Logger } from './log.ts';

export type Attributes = Readonly<Record<string, string | number | undefined>>;

export interface SpanOptions {
  name: string;
  kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  /** The keptn context whose trace it is in; without one it is in that of what it is part of, or is none. */
  context?: string | undefined;
  /** W3C traceparent of what has caused it elsewhere. */
  cause?: string | undefined;
  attributes?: Attributes;
}

export interface Span {
  set(attributes: Attributes): void;
  /** It did not come off, and why; so it is with what throws. */
  fail(reason: string): void;
}

/** Who makes spans. */
export interface Tracing {
  run<T>(options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
  apart<T>(work: () => T): T;
  current(): SpanId | undefined;
  /** Sends what has not been sent yet. */
  close(): Promise<void>;
}

export interface SpanId {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** 16 hexadecimal digits. */
  spanId: string;
  sampled: boolean;
}

export const noSpan: Span = { set: () => undefined, fail: () => undefined };
let tracing: Tracing | undefined;

/** Does the work as a span, which ends with it. */
export function traced<T>(options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  return tracing ? tracing.run(options, work) : work(noSpan);
}

/** Does the work as no part of the span in work. */
export function apart<T>(work: () => T): T {
  return tracing ? tracing.apart(work) : work();
}

/** W3C traceparent of the span in work. */
export function traceparent(): string | undefined {
  const span = tracing?.current();
  return span && `00-${span.traceId}-${span.spanId}-${span.sampled ? '01' : '00'}`;
}

/** What log lines say of the span in work, in OpenTelemetry's own words. */
export function traceFields(): { trace_id?: string; span_id?: string } {
  const span = tracing?.current();
  return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

/** Of a traceparent; undefined for what is none. */
export function spanIdOf(traceparent: string | undefined): SpanId | undefined {
  const [, version, traceId = '', spanId = '', flags = ''] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(traceparent ?? '') ?? [];
  if (version === undefined || version === 'ff' || isZero(traceId) || isZero(spanId)) return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

/** Follows from the keptn context alone: a service that knows nothing of traces does not cut one in two. */
export function traceIdOf(keptnContext: string): string {
  const digits = keptnContext.replaceAll('-', '').toLowerCase();
  if (/^[0-9a-f]{32}$/.test(digits) && !isZero(digits)) return digits;
  return createHash('sha256').update(keptnContext).digest('hex').slice(0, 32);
}

const isZero = (digits: string): boolean => /^0+$/.test(digits);

/**
 * Begins to trace when a variable of OpenTelemetry says where to: OTEL_EXPORTER_OTLP_ENDPOINT,
 * OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_TRACES_EXPORTER. `name` is the service's unless OTEL_SERVICE_NAME is set.
 */
export async function startTracing(name: string, log: Logger): Promise<{ close(): Promise<void> }> {
  if (isWanted(process.env)) {
    const { openTelemetry } = await import('./open-telemetry.ts');
    tracing = await openTelemetry(name, log);
  }
  return {
    async close() {
      const ending = tracing;
      tracing = undefined;
      await ending?.close();
    },
  };
}

function isWanted(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return false;
  const places = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_TRACES_EXPORTER'];
  return places.some((variable) => (env[variable] ?? '') !== '');
}
