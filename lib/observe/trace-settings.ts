/**
 * What OpenTelemetry's variables say, by its specification: a value that is not known is told and taken for none. Those of
 * the exporter (OTEL_EXPORTER_OTLP_…) and of the resource the SDK reads itself.
 */
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ConsoleSpanExporter,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import { z } from 'zod';

const count = z.coerce.number().int().min(0).optional();
const samplers = ['always_on', 'always_off', 'traceidratio'] as const;
const protocol = z.enum(['http/protobuf', 'http/json']).optional();

const schema = z.object({
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'console']).default('otlp'),
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
  OTEL_TRACES_SAMPLER: z.enum([...samplers, ...samplers.map((name) => `parentbased_${name}` as const)]).optional(),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
  OTEL_BSP_SCHEDULE_DELAY: count,
  OTEL_BSP_EXPORT_TIMEOUT: count,
  OTEL_BSP_MAX_QUEUE_SIZE: count,
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: count,
});

export interface TraceSettings {
  exporter: 'otlp' | 'console';
  protocol: 'http/protobuf' | 'http/json';
  sampler: `${'' | 'parentbased_'}${(typeof samplers)[number]}`;
  /** Share of the traces, 0 to 1. */
  ratio: number;
  batch: Record<string, number>;
}

export function readTraceSettings(env: NodeJS.ProcessEnv, warn: (message: string) => void): TraceSettings {
  const given = Object.entries(env).filter(([name, value]) => value !== '' && name in schema.shape);
  const { error } = schema.safeParse(Object.fromEntries(given));
  const wrong = new Set(error?.issues.map(({ path }) => String(path[0])));
  for (const { path, message } of error?.issues ?? [])
    warn(`${path.join('.')}: ${message}; taken as if it were not set`);
  const read = schema.parse(Object.fromEntries(given.filter(([name]) => !wrong.has(name))));
  const batch = {
    scheduledDelayMillis: read.OTEL_BSP_SCHEDULE_DELAY,
    exportTimeoutMillis: read.OTEL_BSP_EXPORT_TIMEOUT,
    maxQueueSize: read.OTEL_BSP_MAX_QUEUE_SIZE,
    maxExportBatchSize: read.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
  };
  return {
    exporter: read.OTEL_TRACES_EXPORTER,
    protocol: read.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? read.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/protobuf',
    sampler: read.OTEL_TRACES_SAMPLER ?? 'parentbased_always_on',
    ratio: read.OTEL_TRACES_SAMPLER_ARG,
    batch: Object.fromEntries(
      Object.entries(batch).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  };
}

/** Loads the one that is used. */
export async function exporterOf({ exporter, protocol }: TraceSettings): Promise<SpanExporter> {
  if (exporter === 'console') return new ConsoleSpanExporter();
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

export function samplerOf({ sampler, ratio }: TraceSettings): Sampler {
  const root = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  };
  const name = samplers.find((one) => sampler.endsWith(one)) ?? 'always_on';
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root: root[name]() }) : root[name]();
}
