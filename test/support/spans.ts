import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
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

/** Registers an OpenTelemetry SDK for the tests of the file, as an operator does for a server. */
export function useSpans(): Spans {
  const exporter = new InMemorySpanExporter();
  const all = () => exporter.getFinishedSpans();
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(
      new TracerProvider({
        sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
        spanProcessors: [new SimpleSpanProcessor({ exporter })],
      }),
    );
  });
  beforeEach(() => exporter.reset());
  afterAll(() => {
    trace.disable();
    context.disable();
  });
  return { all, find: (name, condition = () => true) => all().find((span) => span.name === name && condition(span)) };
}

/** The span as W3C trace context. */
export function traceparent(span: ReadableSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags}`;
}
