import { Gauge, type Registry } from 'prom-client';
import type { Engine } from '../../kernel/engine.ts';
import type { TenantCounts } from '../tenants/tenant-registry.ts';

type MeasuredEngine = Pick<Engine, 'queue' | 'projector' | 'processes' | 'readSide' | 'watch' | 'clock' | 'audit'>;

/** A store whose state is read at each scrape. */
export interface MeasuredStore {
  readonly engine: MeasuredEngine;
  readonly api: {
    /** Rows that subscriptions follow. */
    readonly live: { readonly size: number };
    /** Different live queries, and the subscriptions to them. */
    readonly liveQueries: { readonly size: number; readonly subscribers: number };
    /** Open streams of server-sent events. */
    readonly eventStreams: { readonly size: number };
  };
}

/** Parts of the server whose state is read at each scrape. */
export interface Measured {
  /** The stores that are open: one, or those of tenants. */
  readonly stores: { values(): Iterable<MeasuredStore>; readonly tenants: TenantCounts | undefined };
  /** Memory that subscriptions hold. */
  readonly subscriptions: { readonly bytes: number };
  readonly connections: { readonly open: number };
}

const STATES = ['RUNNING', 'REBUILDING', 'STALLED', 'AHEAD_OF_CODE', 'STOPPED'] as const;

/**
 * Adds gauges that read the state of these parts at each scrape. If several tenants are open, numbers and positions are sums over
 * them, and times are the longest one: a label for each tenant would have no bound.
 * @returns a function that sets the gauges with a value for each projection and process. Call it before each scrape.
 */
export function measureState(registry: Registry, { stores, subscriptions, connections }: Measured): () => void {
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
  const each = <T>(read: (store: MeasuredStore) => T) => [...stores.values()].map(read);
  const sum = (read: (store: MeasuredStore) => number) => each(read).reduce((a, b) => a + b, 0);
  const greatest = (read: (store: MeasuredStore) => number) => each(read).reduce((a, b) => Math.max(a, b), 0);
  gauge('append_queue_depth', 'Appends that wait for their group commit.', () =>
    sum(({ engine }) => engine.queue.depth),
  );
  gauge('append_queue_limit', 'Maximum number of waiting appends; more are throttled.', () =>
    sum(({ engine }) => engine.queue.limit),
  );
  gauge('append_oldest_wait_seconds', 'How long the first of them has waited.', () =>
    greatest(({ engine }) => engine.queue.oldestWaitMs / 1000),
  );
  gauge('stalls', 'Appends, projections, processes and effects that make no progress.', () =>
    sum(({ engine }) => engine.watch.stalls.size),
  );
  gauge('log_head_position', 'The last event of the log, as this process knows it.', () =>
    sum(({ engine }) => engine.projector.head.position),
  );
  gauge('clock_skew_seconds', "How far this machine's clock is ahead of Postgres'; negative if it is behind.", () =>
    each(({ engine }) => engine.clock.skewMs / 1000).reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0),
  );
  gauge('waiters', 'Reads and subscriptions that wait for a read model.', () =>
    sum(({ engine }) => engine.readSide.positions.waiting),
  );
  gauge(
    'subscription_bytes',
    'Memory that subscriptions hold, in bytes, as it is counted for their limits.',
    () => subscriptions.bytes,
  );
  gauge('live_rows', 'Rows that subscriptions look at.', () => sum(({ api }) => api.live.size));
  gauge('live_queries', 'Different live queries.', () => sum(({ api }) => api.liveQueries.size));
  gauge('live_query_subscribers', 'Subscriptions to live queries.', () =>
    sum(({ api }) => api.liveQueries.subscribers),
  );
  gauge('event_streams', 'Open streams of server-sent events.', () => sum(({ api }) => api.eventStreams.size));
  gauge('connections', 'TCP connections that are open.', () => connections.open);
  if (stores.tenants) {
    gauge('tenants_open', 'Tenants whose databases are open.', () => stores.tenants?.open ?? 0);
    gauge('tenants_failing', 'Tenants whose databases could not be opened lately.', () => stores.tenants?.failing ?? 0);
  }
  const engines = () => each(({ engine }) => engine);
  const setProof = proofGauges(registry, engines);
  const setProjections = projectionGauges(registry, engines);
  const setProcesses = processGauges(registry, engines);
  return () => {
    setProof();
    setProjections();
    setProcesses();
  };
}

/** All are 0 if this process has no key to sign heads with. */
function proofGauges(registry: Registry, engines: () => readonly MeasuredEngine[]): () => void {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ registers, name: `afterwrite_audit_${name}`, help });
  const position = gauge('head_position', 'The last event that a signed head covers.');
  const age = gauge('head_age_seconds', 'How long ago the newest head was signed; without new events none is signed.');
  const unsigned = gauge('unsigned_events', 'Events that no signed head covers yet.');
  const unwitnessed = gauge('unwitnessed_heads', 'Heads that the witness has not taken yet.');
  const failing = gauge(
    'failing_seconds',
    'How long ago signing or the witness failed last; 0 if it has succeeded since.',
  );
  return () => {
    for (const each of [position, age, unsigned, unwitnessed, failing]) each.reset();
    const all = engines().flatMap(({ audit: { signing }, clock, projector }) =>
      signing ? [{ ...signing, now: clock.now(), end: projector.head.position }] : [],
    );
    if (all.length === 0) return;
    const signed = all.filter(({ signedAt }) => signedAt !== undefined);
    position.set(total(all, (each) => each.position));
    unsigned.set(total(all, (each) => Math.max(0, each.end - each.position)));
    if (signed.length > 0) age.set(Math.max(...signed.map((each) => each.now - Number(each.signedAt))) / 1000);
    const witnessed = all.filter((each) => each.unwitnessed !== undefined);
    if (witnessed.length > 0) unwitnessed.set(total(witnessed, (each) => each.unwitnessed ?? 0));
    failing.set(Math.max(...all.map(({ failure, now }) => (failure ? Math.max(1, now - failure.at) : 0))) / 1000);
  };
}

function projectionGauges(registry: Registry, engines: () => readonly MeasuredEngine[]): () => void {
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
    for (const gauge of [position, lagEvents, lagSeconds, owned, deadLetters, state]) gauge.reset();
    for (const all of grouped(engines().flatMap(({ projector }) => projector.status()))) {
      const projection = all[0].name;
      position.set(
        { projection },
        total(all, (status) => status.position),
      );
      lagEvents.set(
        { projection },
        total(all, (status) => status.lag),
      );
      lagSeconds.set({ projection }, Math.max(...all.map(({ lagMs }) => lagMs)) / 1000);
      owned.set(
        { projection },
        total(all, ({ isOurs }) => (isOurs ? 1 : 0)),
      );
      deadLetters.set(
        { projection },
        total(all, (status) => status.deadLetters),
      );
      for (const each of STATES) {
        state.set(
          { projection, state: each },
          total(all, (status) => (each === status.state ? 1 : 0)),
        );
      }
    }
  };
}

function processGauges(registry: Registry, engines: () => readonly MeasuredEngine[]): () => void {
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
    for (const gauge of [position, lagEvents, owned, parked, pending, failing]) gauge.reset();
    for (const all of grouped(engines().flatMap(({ processes }) => processes.status()))) {
      const labels = { kind: all[0].kind.toLowerCase(), name: all[0].name };
      position.set(
        labels,
        total(all, (status) => status.position),
      );
      lagEvents.set(
        labels,
        total(all, (status) => status.lag),
      );
      owned.set(
        labels,
        total(all, ({ isOurs }) => (isOurs ? 1 : 0)),
      );
      parked.set(
        labels,
        total(all, (status) => status.parked),
      );
      pending.set(
        labels,
        total(all, (status) => status.pending),
      );
      failing.set(
        labels,
        total(all, ({ state }) => (state === 'RUNNING' ? 0 : 1)),
      );
    }
  };
}

/** The states of the same part in all engines. */
function grouped<T extends { readonly name: string; readonly kind?: string }>(all: readonly T[]): [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const each of all) {
    const key = `${each.kind}:${each.name}`;
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return [...groups.values()];
}

function total<T>(all: readonly T[], read: (each: T) => number): number {
  return all.reduce((sum, each) => sum + read(each), 0);
}
