import { context, ProxyTracerProvider, type Tracer, type TracerProvider, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  InMemorySpanExporter,
  type ReadableSpan,
  TracerProvider as SdkTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, beforeEach } from 'vitest';

/** The spans that a test's code has ended. */
export interface Spans {
  /** In the order in which they ended. */
  all(): readonly ReadableSpan[];
  /** The first of this name, for which a further condition holds. */
  find(name: string, condition?: (span: ReadableSpan) => boolean): ReadableSpan | undefined;
}

interface Collecting {
  readonly exporter: InMemorySpanExporter;
  isUsed: boolean;
  isRegistered: boolean;
}

/** Of the whole worker, as OpenTelemetry's own registration is: this module may be evaluated more than once there. */
const KEY = Symbol.for('afterwrite.test.spans');
const workers = globalThis as { [KEY]?: Collecting };
workers[KEY] ??= { exporter: new InMemorySpanExporter(), isUsed: false, isRegistered: false };
const collecting = workers[KEY];
const { exporter } = collecting;

/** For a file that does not look at spans, the tracers are those of a process without an SDK. */
class WhileUsed implements TracerProvider {
  readonly #sdk = new SdkTracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  readonly #none = new ProxyTracerProvider();

  getTracer(...named: Parameters<TracerProvider['getTracer']>): Tracer {
    const [sdk, none] = [this.#sdk.getTracer(...named), this.#none.getTracer(...named)];
    const present = () => (collecting.isUsed ? sdk : none);
    return {
      startSpan: (...span) => present().startSpan(...span),
      startActiveSpan: (...span: unknown[]) => Reflect.apply(present().startActiveSpan, present(), span),
    };
  }
}

/**
 * Registers an OpenTelemetry SDK, as an operator does for a server. Once for all files of a worker: modules that they share
 * keep the tracer of the first.
 */
function register(): void {
  if (collecting.isRegistered) return;
  collecting.isRegistered = true;
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new WhileUsed());
}

/** Collects the spans of the tests of the file. */
export function useSpans(): Spans {
  const all = () => exporter.getFinishedSpans();
  beforeAll(() => {
    register();
    collecting.isUsed = true;
  });
  beforeEach(() => exporter.reset());
  afterAll(() => {
    collecting.isUsed = false;
    exporter.reset();
  });
  return { all, find: (name, condition = () => true) => all().find((span) => span.name === name && condition(span)) };
}

/** The span as W3C trace context. */
export function traceparent(span: ReadableSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags}`;
}
