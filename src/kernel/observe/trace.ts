import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Link,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { ForbiddenError, ThrottledError, UnauthenticatedError } from '../errors.ts';

const NAME = 'afterwrite';
/** Maximum number of commands that a batch links to. */
const MAX_LINKS = 32;
/** Maximum number of events of a batch whose traces are examined: parsing stored metadata takes time. */
const MAX_LOOKED_AT = 256;
/** Events that were recorded longer ago than this count as replayed, in ms. They belong to no current request. */
const FRESH_MS = 60_000;

const tracer = trace.getTracer(NAME);

export interface SpanDetails {
  /**
   * W3C trace context of the parent. The active span is used instead if it is of the same trace, or if this is omitted.
   */
  readonly traceparent?: string | undefined;
  readonly attributes?: Attributes;
}

/** True if an OpenTelemetry SDK is registered. Without one, tracing costs only this check. */
export function isTraced(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(NAME) !== undefined;
}

/** A span that the caller ends. */
export function startSpan(name: string, { traceparent, attributes = {} }: SpanDetails): Span {
  return tracer.startSpan(name, { attributes }, under(traceparent));
}

/** Runs a function inside a span, so that nested spans belong to it. */
export function inside<T>(span: Span, run: () => T): T {
  return context.with(trace.setSpan(context.active(), span), run);
}

/** Runs a function in a new span. Without an SDK, just runs it. */
export function inSpan<T>(name: string, details: SpanDetails, run: (span: Span | undefined) => Promise<T>): Promise<T> {
  if (!isTraced()) return run(undefined);
  return runIn(startSpan(name, details), run);
}

/** Trace facts about an event or command of a batch. */
export interface Traced {
  readonly traceparent?: string | undefined;
  /** Time since it was recorded, in ms. */
  readonly ageMs?: number;
}

/**
 * The same for work that many commands share: the span links to at most 32 of them. Its parent is the first command, if
 * possible a sampled one, so that the trace of a sampled request shows everything that it caused. A replay of old
 * events has no parent.
 */
export function inBatchSpan<T>(
  name: string,
  attributes: Attributes,
  parts: { readonly length: number; readonly at: (index: number) => Traced | undefined },
  run: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  if (!isTraced()) return run(undefined);
  const links = new Map<string, Link>();
  let parent: SpanContext | undefined;
  for (let index = 0; index < Math.min(parts.length, MAX_LOOKED_AT) && links.size < MAX_LINKS; index++) {
    const { traceparent, ageMs = 0 } = parts.at(index) ?? {};
    const of = spanContextOf(traceparent);
    if (!traceparent || !of) continue;
    links.set(traceparent, { context: of });
    if (ageMs > FRESH_MS) continue;
    if (!parent || (!isSampled(parent) && isSampled(of))) parent = of;
  }
  const root = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
  return runIn(tracer.startSpan(name, { attributes, links: [...links.values()] }, root), run, ROOT_CONTEXT);
}

function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** Records a notification as a child of the active span. Without an active one, just runs it. */
export function inActiveSpan(name: string, attributes: () => Attributes, run: () => void): void {
  if (!trace.getActiveSpan()) {
    run();
    return;
  }
  const span = tracer.startSpan(name, { attributes: attributes() });
  try {
    inside(span, run);
  } finally {
    span.end();
  }
}

/** The span as W3C trace context; undefined if it is not recording. */
export function traceparentOf(span: Span): string | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (!isSpanContextValid(span.spanContext())) return undefined;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/**
 * Records on a span which error ended it. Leaves out the message, which may contain users' text. An expected refusal is
 * not a failure.
 */
export function endedBy(span: Span, error: unknown): void {
  span.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
  const refused = [ForbiddenError, ThrottledError, UnauthenticatedError].some((kind) => error instanceof kind);
  if (!refused) span.setStatus({ code: SpanStatusCode.ERROR });
}

async function runIn<T>(span: Span, run: (span: Span) => Promise<T>, base = context.active()): Promise<T> {
  try {
    return await context.with(trace.setSpan(base, span), () => run(span));
  } catch (error) {
    endedBy(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** An active span of the same trace is a closer parent than the transmitted context. */
function under(traceparent: string | undefined): Context {
  const active = context.active();
  const sent = spanContextOf(traceparent);
  if (!sent || trace.getSpanContext(active)?.traceId === sent.traceId) return active;
  return trace.setSpanContext(active, sent);
}

function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] =
    /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(traceparent ?? '') ?? [];
  const found = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(found) ? found : undefined;
}
