/** Spans by OpenTelemetry's SDK; loaded only where its variables are set. */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Span as OpenSpan,
  type Tracer,
} from '@opentelemetry/api';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, RandomIdGenerator, TracerProvider, type IdGenerator } from '@opentelemetry/sdk-trace';
import { messageOf } from '../errors/classes.ts';
import type { Logger } from './log.ts';
import { exporterOf, readTraceSettings, samplerOf } from './trace-settings.ts';
import { noSpan, spanIdOf, traceIdOf, type Attributes, type Span, type SpanId, type SpanOptions } from './trace.ts';
import type { Tracing } from './trace.ts';
import { ownVersion } from './version.ts';

/** How long the end of the process waits for the last spans. */
const CLOSE_MS = 3_000;

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

export async function openTelemetry(name: string, log: Logger): Promise<Tracing> {
  const warn = (message: string, ...more: unknown[]): void => log.warn({ more }, `OpenTelemetry: ${message}`);
  const nothing = (): void => undefined;
  diag.setLogger({ error: warn, warn, info: nothing, debug: nothing, verbose: nothing }, DiagLogLevel.WARN);
  const settings = readTraceSettings(process.env, warn);
  const own = resourceFromAttributes({ 'service.name': name, 'service.version': ownVersion() });
  const ids = new ContextIds();
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerOf(settings),
    spanProcessors: [new BatchSpanProcessor({ exporter: await exporterOf(settings), ...settings.batch })],
    idGenerator: ids,
  });
  return new OpenTelemetry(provider, ids);
}

/** A span without a parent gets the id of the trace that it belongs to. */
class ContextIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  /** Of the span that is being begun. */
  traceId = '';

  generateTraceId(): string {
    return this.traceId;
  }

  generateSpanId(): string {
    return this.#random.generateSpanId();
  }
}

class OpenTelemetry implements Tracing {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #ids: ContextIds;
  readonly #inWork = new AsyncLocalStorage<OpenSpan | undefined>();

  constructor(provider: TracerProvider, ids: ContextIds) {
    this.#provider = provider;
    this.#tracer = provider.getTracer('keptn', ownVersion());
    this.#ids = ids;
  }

  async run<T>(options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
    const span = this.#begin(options);
    if (span === undefined) return work(noSpan);
    const fail = (message: string): void => void span.setStatus({ code: SpanStatusCode.ERROR, message });
    try {
      return await this.#inWork.run(span, () =>
        work({ set: (attributes) => void span.setAttributes(known(attributes)), fail }),
      );
    } catch (error) {
      fail(messageOf(error));
      throw error;
    } finally {
      span.end();
    }
  }

  /** Its parent is what it is part of, or what caused it, in the same trace; those in other traces are linked. */
  #begin({ name, kind = 'internal', context, cause, attributes = {} }: SpanOptions): OpenSpan | undefined {
    const causes = [this.current(), spanIdOf(cause)].filter((one) => one !== undefined);
    const traceId = context === undefined ? causes[0]?.traceId : traceIdOf(context);
    if (traceId === undefined) return undefined;
    const parent = causes.find((one) => one.traceId === traceId);
    const links = causes.filter((one) => one.traceId !== traceId).map((one) => ({ context: spanContextOf(one) }));
    const within = parent ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent)) : ROOT_CONTEXT;
    this.#ids.traceId = traceId;
    return this.#tracer.startSpan(name, { kind: kinds[kind], links, attributes: known(attributes) }, within);
  }

  apart<T>(work: () => T): T {
    return this.#inWork.run(undefined, work);
  }

  current(): SpanId | undefined {
    const context = this.#inWork.getStore()?.spanContext();
    if (context === undefined) return undefined;
    const { traceId, spanId, traceFlags } = context;
    return { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    // What cannot be sent has been told by the SDK.
    await Promise.race([this.#provider.shutdown().catch(() => undefined), promise]);
    clearTimeout(timer);
  }
}

function spanContextOf({ traceId, spanId, sampled }: SpanId) {
  return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
}

function known(attributes: Attributes): Record<string, string | number> {
  const given = Object.entries(attributes).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined && entry[1] !== '',
  );
  return Object.fromEntries(given);
}
