import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ApiObserver, OperationAnswered, ReadWaited } from '../graphql/observe.ts';
import type { Engine } from '../kernel/engine.ts';
import type { AppendedBatch, CommandAnswered, FoldedBatch, Observer } from '../kernel/observe.ts';

/** What is asked for its state at each scrape. */
export interface Measured {
  readonly engine: Pick<Engine, 'queue' | 'projector' | 'processes' | 'readSide' | 'watch'>;
  /** Rows that are looked at live. */
  readonly live: { readonly size: number };
  /** Memory that subscriptions hold. */
  readonly subscriptions: { readonly bytes: number };
  /** Answers that are streams of server-sent events. */
  readonly eventStreams: { readonly size: number };
  readonly connections: { readonly open: number };
}

/** Where a fault was met: `request` is what clients get as INTERNAL_SERVER_ERROR, the others are tried again. */
export type FaultKind = 'request' | 'engine' | 'live_row';

/** Seconds: from what memory answers to what a client has given up on. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const STATES = ['RUNNING', 'REBUILDING', 'STALLED', 'STOPPED'] as const;

/**
 * What Prometheus is told, each application for itself. Labels are projections, commands and kinds: as many as the code has,
 * never what a client has sent.
 */
export class Metrics implements Observer, ApiObserver {
  readonly #registry = new Registry();
  readonly #in = { registers: [this.#registry] };
  /** Sets what is asked for all projections together. */
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
    help: 'Events that this process has brought a projection past.',
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
    help: 'Times at which the event loop did one thing for longer than EVENT_LOOP_BLOCK_MS.',
    labelNames: ['kind'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  readonly #operationErrors = new Counter({
    ...this.#in,
    name: 'afterwrite_operation_errors_total',
    help: 'GraphQL operations whose answer has errors, whosever fault they are.',
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
    // A series that is not there until the first time something goes wrong cannot be alerted on.
    for (const kind of ['accepted', 'conflict', 'replayed', 'reused', 'failed']) this.#appends.inc({ kind }, 0);
    for (const kind of ['request', 'engine', 'live_row']) this.#faults.inc({ kind }, 0);
  }

  commandAnswered({ command, kind, ms }: CommandAnswered): void {
    this.#commands.inc({ command, kind });
    this.#commandSeconds.observe({ command }, ms / 1000);
  }

  appended({ appends, events, ms, waitedMs, ...ends }: AppendedBatch): void {
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

  folded({ projection, events, rows, ms, lagMs }: FoldedBatch): void {
    this.#foldedEvents.inc({ projection }, events);
    this.#foldedRows.inc({ projection }, rows);
    this.#foldSeconds.observe({ projection }, ms / 1000);
    this.#foldDelaySeconds.observe({ projection }, lagMs / 1000);
  }

  operationAnswered({ kind, ms, failed }: OperationAnswered): void {
    this.#operationSeconds.observe({ kind }, ms / 1000);
    if (failed) this.#operationErrors.inc({ kind });
  }

  readWaited({ kind, ms }: ReadWaited): void {
    this.#readWaitSeconds.observe({ kind }, ms / 1000);
  }

  subscribed(): void {
    this.#subscribers.inc();
  }

  unsubscribed(): void {
    this.#subscribers.dec();
  }

  coalesced(): void {
    this.#coalesced.inc();
  }

  refused(reason: string, transport: string): void {
    this.#refusals.inc({ reason, transport });
  }

  /** @param kind of the operation that did it; `none` if it was none. */
  loopBlocked(kind: string, ms: number): void {
    this.#loopBlocks.observe({ kind }, ms / 1000);
  }

  faulted(kind: FaultKind): void {
    this.#faults.inc({ kind });
  }

  /** From now on these are asked for their state. */
  measure({
    engine: { queue, projector, processes, readSide, watch },
    live,
    eventStreams,
    subscriptions,
    connections,
  }: Measured): void {
    this.#gauge('afterwrite_append_queue_depth', 'Appends that wait for their group commit.', () => queue.depth);
    this.#gauge('afterwrite_append_queue_limit', 'Appends that may wait; more are throttled.', () => queue.limit);
    this.#gauge(
      'afterwrite_append_oldest_wait_seconds',
      'How long the first of them has waited.',
      () => queue.oldestWaitMs / 1000,
    );
    this.#gauge(
      'afterwrite_stalls',
      'Appends, projections, processes and effects that stand still.',
      () => watch.stalls.size,
    );
    this.#gauge(
      'afterwrite_log_head_position',
      'The last event of the log, as this process knows it.',
      () => projector.head.position,
    );
    this.#gauge(
      'afterwrite_waiters',
      'Reads and subscriptions that wait for a read model.',
      () => readSide.positions.waiting,
    );
    this.#gauge(
      'afterwrite_subscription_bytes',
      'Memory that subscriptions hold, in bytes, as it is counted for their limits.',
      () => subscriptions.bytes,
    );
    this.#gauge('afterwrite_live_rows', 'Rows that subscriptions look at.', () => live.size);
    this.#gauge('afterwrite_event_streams', 'Open streams of server-sent events.', () => eventStreams.size);
    this.#gauge('afterwrite_connections', 'TCP connections that are open.', () => connections.open);
    const projections = this.#measureProjections(projector);
    const others = this.#measureProcesses(processes);
    this.#beforeScrape = () => {
      projections();
      others();
    };
  }

  #measureProjections(projector: Engine['projector']): () => void {
    const gauge = (name: string, help: string) =>
      new Gauge({ ...this.#in, name: `afterwrite_projection_${name}`, help, labelNames: ['projection'] });
    const position = gauge('position', 'Every event up to here has been seen.');
    const lagEvents = gauge('lag_events', 'Events between the projection and the end of the log.');
    const lagSeconds = gauge('lag_seconds', 'How long the oldest of them has waited.');
    const owned = gauge('owned', '1 where this process moves it.');
    const deadLetters = gauge('dead_letters', 'Events that could not be applied and were put aside.');
    const state = new Gauge({
      ...this.#in,
      name: 'afterwrite_projection_state',
      help: '1 for the state in which the projection is.',
      labelNames: ['projection', 'state'],
    });
    return () => {
      for (const status of projector.status()) {
        const { name: projection } = status;
        position.set({ projection }, status.position);
        lagEvents.set({ projection }, status.lag);
        lagSeconds.set({ projection }, status.lagMs / 1000);
        owned.set({ projection }, status.isOurs ? 1 : 0);
        deadLetters.set({ projection }, status.deadLetters);
        for (const each of STATES) state.set({ projection, state: each }, each === status.state ? 1 : 0);
      }
    };
  }

  #measureProcesses(processes: Engine['processes']): () => void {
    const gauge = (name: string, help: string) =>
      new Gauge({ ...this.#in, name: `afterwrite_process_kind_${name}`, help, labelNames: ['kind', 'name'] });
    const position = gauge('position', 'Every event up to here has been answered or is parked.');
    const lagEvents = gauge('lag_events', 'Events between the kind and the end of the log.');
    const owned = gauge('owned', '1 where this process runs it.');
    const parked = gauge('parked', 'Steps or calls that cannot go on, and those that wait behind them.');
    const pending = gauge('pending', 'Steps or calls that this process has read and not done.');
    const failing = gauge('failing', '1 where something in it cannot go on, or nobody runs it.');
    return () => {
      for (const { kind, name, ...status } of processes.status()) {
        const labels = { kind: kind.toLowerCase(), name };
        position.set(labels, status.position);
        lagEvents.set(labels, status.lag);
        owned.set(labels, status.isOurs ? 1 : 0);
        parked.set(labels, status.parked);
        pending.set(labels, status.pending);
        failing.set(labels, status.state === 'RUNNING' ? 0 : 1);
      }
    };
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      ...this.#in,
      name,
      help,
      collect() {
        this.set(read());
      },
    });
  }

  /** As Prometheus reads it, with the metrics of the process (memory, CPU, event loop, garbage collection). */
  async scrape(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#beforeScrape();
    const texts = await Promise.all([this.#registry, processRegistry()].map((registry) => registry.metrics()));
    return { contentType: this.#registry.contentType, text: texts.join('\n') };
  }
}

let ofProcess: Registry | undefined;

/** Of all applications in a process: what watches the event loop and garbage collection cannot be stopped again. */
function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
