import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LiveQueryExecuted, OperationAnswered, ReadWaited } from '../../graphql/observe.ts';
import type { AppendedBatch, CommandAnswered, FoldedBatch } from '../../kernel/observe/occurrences.ts';
import type { RefusalOccurrences } from '../limits/refusals.ts';
import type { LoopBlock } from '../loop/loop-watch.ts';
import type { ServerSubscriber } from '../operations/occurrences.ts';
import { type Measured, measureState } from './state-gauges.ts';

/** Where a fault occurred: clients see `request` as INTERNAL_SERVER_ERROR; the others are retried. */
type FaultKind = 'request' | 'engine' | 'live_row';

/** Buckets in seconds: from an answer out of memory to one after which most clients have given up. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/**
 * The metrics of one application for Prometheus. Labels are names of projections, commands and kinds: the code fixes
 * their number, and no label contains what a client has sent.
 */
export class Metrics implements ServerSubscriber {
  readonly #registry = new Registry();
  readonly #in = { registers: [this.#registry] };
  /** Sets the gauges that have a value for each projection and process. */
  #beforeScrape: () => void = () => {};

  readonly #commands = new Counter({
    ...this.#in,
    name: 'afterwrite_commands_total',
    help: 'Commands by how they ended: accepted, replayed, rejected, conflict, …',
    labelNames: ['command', 'kind'],
  });
  readonly #commandSeconds = new Histogram({
    ...this.#in,
    name: 'afterwrite_command_duration_seconds',
    help: 'From a command being taken to its answer.',
    labelNames: ['command'],
    buckets: SECONDS,
  });
  readonly #appends = new Counter({
    ...this.#in,
    name: 'afterwrite_appends_total',
    help: 'Appends by how they ended; a command that meets a conflict may be decided and appended again.',
    labelNames: ['kind'],
  });
  readonly #appendedEvents = new Counter({
    ...this.#in,
    name: 'afterwrite_appended_events_total',
    help: 'Events that this process has appended.',
  });
  readonly #appendSeconds = new Histogram({
    ...this.#in,
    name: 'afterwrite_append_duration_seconds',
    help: 'Group commits: from being sent to their outcome, retries included.',
    buckets: SECONDS,
  });
  readonly #appendWaitSeconds = new Histogram({
    ...this.#in,
    name: 'afterwrite_append_wait_seconds',
    help: 'How long the first append of a group commit had waited in the queue.',
    buckets: SECONDS,
  });
  readonly #appendBatchSize = new Histogram({
    ...this.#in,
    name: 'afterwrite_append_batch_size',
    help: 'Appends in a group commit.',
    buckets: SIZES,
  });
  readonly #appendRetries = new Counter({
    ...this.#in,
    name: 'afterwrite_append_retries_total',
    help: 'Attempts to append that failed and were made again.',
  });

  readonly #foldedEvents = new Counter({
    ...this.#in,
    name: 'afterwrite_projection_events_total',
    help: 'Events that this process has handled for a projection.',
    labelNames: ['projection'],
  });
  readonly #foldedRows = new Counter({
    ...this.#in,
    name: 'afterwrite_projection_rows_total',
    help: 'Rows that this process has changed.',
    labelNames: ['projection'],
  });
  readonly #foldSeconds = new Histogram({
    ...this.#in,
    name: 'afterwrite_projection_batch_duration_seconds',
    help: 'From the first statement of a batch to its commit.',
    labelNames: ['projection'],
    buckets: SECONDS,
  });
  readonly #foldDelaySeconds = new Histogram({
    ...this.#in,
    name: 'afterwrite_projection_delay_seconds',
    help: 'How long the oldest event of a batch had waited when it became visible.',
    labelNames: ['projection'],
    buckets: SECONDS,
  });

  readonly #tenantSeconds = new Histogram({
    ...this.#in,
    name: 'afterwrite_tenant_open_seconds',
    help: 'Time to open the database of a tenant, its migrations included.',
    buckets: SECONDS,
  });
  readonly #tenantFailures = new Counter({
    ...this.#in,
    name: 'afterwrite_tenant_failures_total',
    help: 'Databases of tenants that could not be opened or closed.',
  });

  readonly #operationSeconds = new Histogram({
    ...this.#in,
    name: 'afterwrite_operation_duration_seconds',
    help: 'GraphQL operations from validation to their answer; of subscriptions those that were refused.',
    labelNames: ['kind'],
    buckets: SECONDS,
  });
  readonly #loopBlocks = new Histogram({
    ...this.#in,
    name: 'afterwrite_event_loop_block_seconds',
    help: 'How often one thing blocked the event loop for longer than EVENT_LOOP_BLOCK_MS.',
    labelNames: ['kind'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  readonly #operationErrors = new Counter({
    ...this.#in,
    name: 'afterwrite_operation_errors_total',
    help: 'GraphQL operations whose answer has errors, of the client or of the server.',
    labelNames: ['kind'],
  });
  readonly #readWaitSeconds = new Histogram({
    ...this.#in,
    name: 'afterwrite_read_wait_seconds',
    help: 'Reads with a token: how long they waited, and whether it was reached.',
    labelNames: ['kind'],
    buckets: SECONDS,
  });
  readonly #subscribers = new Gauge({
    ...this.#in,
    name: 'afterwrite_subscribers',
    help: 'Subscriptions that are open.',
  });
  readonly #coalesced = new Counter({
    ...this.#in,
    name: 'afterwrite_coalesced_messages_total',
    help: 'Messages that replaced one which its subscriber had not read yet.',
  });
  readonly #liveQuerySeconds = new Histogram({
    ...this.#in,
    name: 'afterwrite_live_query_duration_seconds',
    help: 'Executions of live queries, each for all of its subscribers; `failed` if it will be repeated.',
    labelNames: ['outcome'],
    buckets: SECONDS,
  });
  readonly #faults = new Counter({
    ...this.#in,
    name: 'afterwrite_faults_total',
    help: 'Faults that were logged.',
    labelNames: ['kind'],
  });

  readonly #refusals = new Counter({
    ...this.#in,
    name: 'afterwrite_refusals_total',
    help: 'Requests, operations and connections that were refused, by the error code or the limit.',
    labelNames: ['reason', 'transport'],
  });

  constructor() {
    // An alert needs the series to exist before the first failure.
    for (const kind of ['accepted', 'conflict', 'replayed', 'reused', 'failed']) this.#appends.inc({ kind }, 0);
    for (const kind of ['request', 'engine', 'live_row']) this.#faults.inc({ kind }, 0);
  }

  commandAnswered({ command, kind, ms }: CommandAnswered): void {
    this.#commands.inc({ command, kind });
    this.#commandSeconds.observe({ command }, ms / 1000);
  }

  batchAppended({ appends, events, ms, waitedMs, ...ends }: AppendedBatch): void {
    this.#appendSeconds.observe(ms / 1000);
    this.#appendWaitSeconds.observe(waitedMs / 1000);
    this.#appendBatchSize.observe(appends);
    this.#appendedEvents.inc(events);
    this.#appends.inc({ kind: 'accepted' }, ends.accepted);
    this.#appends.inc({ kind: 'conflict' }, ends.conflicts);
    this.#appends.inc({ kind: 'replayed' }, ends.replayed);
    this.#appends.inc({ kind: 'reused' }, ends.reused);
    this.#appends.inc({ kind: 'failed' }, ends.failed);
  }

  appendRetried(): void {
    this.#appendRetries.inc();
  }

  batchFolded({ projection, events, rows, ms, lagMs }: FoldedBatch): void {
    this.#foldedEvents.inc({ projection }, events);
    this.#foldedRows.inc({ projection }, rows);
    this.#foldSeconds.observe({ projection }, ms / 1000);
    this.#foldDelaySeconds.observe({ projection }, lagMs / 1000);
  }

  faultMet(): void {
    this.#faulted('engine');
  }

  updateDelayed(): void {
    this.#faulted('live_row');
  }

  requestFailed(): void {
    this.#faulted('request');
  }

  transportFailed(): void {
    this.#faulted('request');
  }

  operationAnswered({ kind, ms, failed }: OperationAnswered): void {
    this.#operationSeconds.observe({ kind }, ms / 1000);
    if (failed) this.#operationErrors.inc({ kind });
  }

  readWaited({ kind, ms }: ReadWaited): void {
    this.#readWaitSeconds.observe({ kind }, ms / 1000);
  }

  subscriptionBegun(): void {
    this.#subscribers.inc();
  }

  subscriptionEnded(): void {
    this.#subscribers.dec();
  }

  messageCoalesced(): void {
    this.#coalesced.inc();
  }

  liveQueryExecuted({ ms, failed }: LiveQueryExecuted): void {
    this.#liveQuerySeconds.observe({ outcome: failed ? 'failed' : 'answered' }, ms / 1000);
  }

  callerRefused({ reason, transport }: RefusalOccurrences['callerRefused']): void {
    this.#refusals.inc({ reason, transport });
  }

  /** The database of a tenant was opened. */
  tenantOpened(ms: number): void {
    this.#tenantSeconds.observe(ms / 1000);
  }

  /** The database of a tenant could not be opened or closed. */
  tenantFailed(): void {
    this.#tenantFailures.inc();
  }

  loopBlocked({ phase, ms }: LoopBlock): void {
    this.#loopBlocks.observe({ kind: phase?.kind ?? 'none' }, ms / 1000);
  }

  #faulted(kind: FaultKind): void {
    this.#faults.inc({ kind });
  }

  /** From now on each scrape reads the state of these parts. */
  measure(measured: Measured): void {
    this.#beforeScrape = measureState(this.#registry, measured);
  }

  /** The Prometheus text format, including metrics of the process (memory, CPU, event loop, garbage collection). */
  async scrape(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#beforeScrape();
    const texts = await Promise.all([this.#registry, processRegistry()].map((registry) => registry.metrics()));
    return { contentType: this.#registry.contentType, text: texts.join('\n') };
  }
}

let ofProcess: Registry | undefined;

/**
 * Shared by all applications in a process: the observers of event loop and garbage collection cannot be stopped again.
 */
function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
