import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, beforeEach } from 'vitest';

/** The spans that a test's code has ended. */
export interface Spans {
  /** In the order in which they ended. */
  all(): readonly ReadableSpan[];
  /** The first of this name, for which a further condition holds. */
  find(name: string, condition?: (span: ReadableSpan) => boolean): ReadableSpan | undefined;
}

const exporter = new InMemorySpanExporter();
let isUsed = false;
let isRegistered = false;

/** Samples nothing for the files of this worker that do not look at spans. */
const whileUsed: Sampler = {
  shouldSample: () => (isUsed ? new AlwaysOnSampler() : new AlwaysOffSampler()).shouldSample(),
  toString: () => 'WhileUsed',
};

/**
 * Registers an OpenTelemetry SDK, as an operator does for a server. Once for all files of a worker: modules that they share
 * keep the tracer of the first.
 */
function register(): void {
  if (isRegistered) return;
  isRegistered = true;
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const spanProcessors = [new SimpleSpanProcessor({ exporter })];
  trace.setGlobalTracerProvider(
    new TracerProvider({ sampler: new ParentBasedSampler({ root: whileUsed }), spanProcessors }),
  );
}

/** Collects the spans of the tests of the file. */
export function useSpans(): Spans {
  const all = () => exporter.getFinishedSpans();
  beforeAll(() => {
    register();
    isUsed = true;
  });
  beforeEach(() => exporter.reset());
  afterAll(() => {
    isUsed = false;
    exporter.reset();
  });
  return { all, find: (name, condition = () => true) => all().find((span) => span.name === name && condition(span)) };
}

/** The span as W3C trace context. */
export function traceparent(span: ReadableSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags}`;
}
