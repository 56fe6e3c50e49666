// Sends the server's traces to an OpenTelemetry collector, by OTLP over HTTP. Start the server with it:
//
//   node --import ./docs/example/otel.mjs src/main.ts
//
// OTEL_EXPORTER_OTLP_ENDPOINT   the collector, http://localhost:4318 by default
// OTEL_SERVICE_NAME             the name of the server in traces, afterwrite by default
// OTEL_TRACES_SAMPLER_ARG       the share of traces that begin here and are kept, from 0 to 1; all by default
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

const { OTEL_SERVICE_NAME = 'afterwrite', OTEL_TRACES_SAMPLER_ARG = '1' } = process.env;

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(
  new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': OTEL_SERVICE_NAME }),
    // By its parent if it has one: a request is traced whole, through all services, or not at all.
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(Number(OTEL_TRACES_SAMPLER_ARG)) }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), scheduledDelayMillis: 1000 })],
  }),
);
