import { Gauge, type Registry } from 'prom-client';
import type { Engine } from '../../kernel/engine.ts';

/** Parts of the application whose state is read at each scrape. */
export interface Measured {
  readonly engine: Pick<Engine, 'queue' | 'projector' | 'processes' | 'readSide' | 'watch' | 'clock'>;
  /** Rows that subscriptions follow. */
  readonly live: { readonly size: number };
  /** Different live queries, and the subscriptions to them. */
  readonly liveQueries: { readonly size: number; readonly subscribers: number };
  /** Memory that subscriptions hold. */
  readonly subscriptions: { readonly bytes: number };
  /** Open streams of server-sent events. */
  readonly eventStreams: { readonly size: number };
  readonly connections: { readonly open: number };
}

const STATES = ['RUNNING', 'REBUILDING', 'STALLED', 'AHEAD_OF_CODE', 'STOPPED'] as const;

/**
 * Adds gauges that read the state of these parts at each scrape.
 * @returns a function that sets the gauges with a value for each projection and process. Call it before each scrape.
 */
export function measureState(
  registry: Registry,
  {
    engine: { queue, projector, processes, readSide, watch, clock },
    live,
    liveQueries,
    eventStreams,
    subscriptions,
    connections,
  }: Measured,
): () => void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      registers,
      name: `afterwrite_${name}`,
      help,
      collect() {
        this.set(read());
      },
    });
  gauge('append_queue_depth', 'Appends that wait for their group commit.', () => queue.depth);
  gauge('append_queue_limit', 'Maximum number of waiting appends; more are throttled.', () => queue.limit);
  gauge('append_oldest_wait_seconds', 'How long the first of them has waited.', () => queue.oldestWaitMs / 1000);
  gauge('stalls', 'Appends, projections, processes and effects that make no progress.', () => watch.stalls.size);
  gauge('log_head_position', 'The last event of the log, as this process knows it.', () => projector.head.position);
  gauge(
    'clock_skew_seconds',
    "How far this machine's clock is ahead of Postgres'; negative if it is behind.",
    () => clock.skewMs / 1000,
  );
  gauge('waiters', 'Reads and subscriptions that wait for a read model.', () => readSide.positions.waiting);
  gauge(
    'subscription_bytes',
    'Memory that subscriptions hold, in bytes, as it is counted for their limits.',
    () => subscriptions.bytes,
  );
  gauge('live_rows', 'Rows that subscriptions look at.', () => live.size);
  gauge('live_queries', 'Different live queries.', () => liveQueries.size);
  gauge('live_query_subscribers', 'Subscriptions to live queries.', () => liveQueries.subscribers);
  gauge('event_streams', 'Open streams of server-sent events.', () => eventStreams.size);
  gauge('connections', 'TCP connections that are open.', () => connections.open);
  const setProjections = projectionGauges(registry, projector);
  const setProcesses = processGauges(registry, processes);
  return () => {
    setProjections();
    setProcesses();
  };
}

function projectionGauges(registry: Registry, projector: Engine['projector']): () => void {
  const registers = [registry];
  const gauge = (name: string, help: string) =>
    new Gauge({ registers, name: `afterwrite_projection_${name}`, help, labelNames: ['projection'] });
  const position = gauge('position', 'Every event up to here has been seen.');
  const lagEvents = gauge('lag_events', 'Events between the projection and the end of the log.');
  const lagSeconds = gauge('lag_seconds', 'How long the oldest of them has waited.');
  const owned = gauge('owned', '1 if this process moves it.');
  const deadLetters = gauge('dead_letters', 'Number of events that could not be applied and wait in dead letters.');
  const state = new Gauge({
    registers,
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

function processGauges(registry: Registry, processes: Engine['processes']): () => void {
  const registers = [registry];
  const gauge = (name: string, help: string) =>
    new Gauge({ registers, name: `afterwrite_process_kind_${name}`, help, labelNames: ['kind', 'name'] });
  const position = gauge('position', 'Every event up to here has been handled or is parked.');
  const lagEvents = gauge('lag_events', 'Events between the kind and the end of the log.');
  const owned = gauge('owned', '1 if this process runs it.');
  const parked = gauge('parked', 'Steps or calls that cannot continue, and those that wait behind them.');
  const pending = gauge('pending', 'Steps or calls that this process has read and not done.');
  const failing = gauge('failing', '1 if something in it cannot continue, or nobody runs it.');
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
