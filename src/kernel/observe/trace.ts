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
/** A batch names at most so many of the commands that are behind it. */
const MAX_LINKS = 32;
/** Of a batch's events so many are looked at for their traces: reading the metadata of stored ones is work. */
const MAX_LOOKED_AT = 256;
/** What was recorded longer ago than this is replayed: it belongs to no request that anybody waits for, in ms. */
const FRESH_MS = 60_000;

const tracer = trace.getTracer(NAME);

export interface SpanDetails {
  /** W3C trace context of what it belongs to; what is active where that is of the same trace, or this is left out. */
  readonly traceparent?: string | undefined;
  readonly attributes?: Attributes;
}

/** Whether anybody has registered an OpenTelemetry SDK: without one, tracing costs this look and no more. */
export function isTraced(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(NAME) !== undefined;
}

/** A span that the caller ends. */
export function startSpan(name: string, { traceparent, attributes = {} }: SpanDetails): Span {
  return tracer.startSpan(name, { attributes }, under(traceparent));
}

/** Runs something as a part of a span, so that what others trace in it belongs there. */
export function inside<T>(span: Span, run: () => T): T {
  return context.with(trace.setSpan(context.active(), span), run);
}

/** Runs something in a span of its own; without an SDK just runs it. */
export function inSpan<T>(name: string, details: SpanDetails, run: (span: Span | undefined) => Promise<T>): Promise<T> {
  if (!isTraced()) return run(undefined);
  return runIn(startSpan(name, details), run);
}

/** What a batch was made of, as far as a trace is concerned. */
export interface Traced {
  readonly traceparent?: string | undefined;
  /** How long ago it was recorded, in ms. */
  readonly ageMs?: number;
}

/**
 * The same for work that many commands share: the span has a link to each of them, to 32 at most. It is a part of the trace of
 * the first, one that is sampled where there is any: so that who samples a request sees all that it has set off. What is
 * replayed long after stands alone.
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

/** Marks the active span's moment at which something was told to somebody, as a span of its own; without one just runs it. */
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

/** The span as W3C trace context; undefined where it is none. */
export function traceparentOf(span: Span): string | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (!isSpanContextValid(span.spanContext())) return undefined;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/**
 * Says of a span which error ended it, without the message, which may hold what somebody has written. What the server
 * refuses as it should has not failed.
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

/** Where something of the same trace is active, that is nearer than what was sent along. */
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
