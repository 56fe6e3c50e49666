import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { Checkpoints } from '../../../src/kernel/checkpoints/checkpoints.ts';
import type { Change, Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { CommitFeed } from '../../../src/kernel/log/commit-feed.ts';
import { LogHead } from '../../../src/kernel/log/log-head.ts';
import type { ProjectionMoved } from '../../../src/kernel/notify/hub.ts';
import { ProjectionTable } from '../../../src/kernel/read/fold/projection-table.ts';
import { ProjectionRunner } from '../../../src/kernel/read/run/projection-runner.ts';
import { until } from '../until.ts';
import type { TestEngine } from './engine.ts';
import { eachFault } from './observers.ts';

/** How a projection fails at an event: its handler throws, or what it does to a row. */
export type Fault = 'handler' | 'fold';

/** The same projection, but failing at some events: at those positions, for as long as they are in the map. */
export function failing<P extends Projection>(projection: P, faults: ReadonlyMap<number, Fault>): P {
  const handlers = [...projection.handlers].map(([type, handler]) => {
    const touchy: typeof handler = (event, changes) => {
      const fault = faults.get(event.position);
      if (fault === 'handler') throw new Error(`Cannot handle ${event.position}.`);
      const answer = handler(event, changes);
      const list: readonly Change[] = Array.isArray(answer) ? answer : [answer as Change];
      if (!fault) return list;
      const fold = () => {
        throw new Error(`Cannot fold ${event.position}.`);
      };
      return list.map((change) => (change.kind === 'remove' ? change : { ...change, fold }));
    };
    return [type, touchy] as const;
  });
  return { ...projection, handlers: new Map(handlers) };
}

/** A projection that moves along the log as far as a test says, and stands still in between. */
export class DrivenProjection {
  readonly projection: Projection;
  readonly owner = randomUUID();
  readonly moved: ProjectionMoved[] = [];
  readonly faults: { readonly error: unknown; readonly context: unknown }[] = [];
  readonly #engine: TestEngine;
  readonly #sql: postgres.Sql;
  readonly #discardedOf: string | undefined;

  /** @param discardedOf the read model beside whose table this one is filled; none unless given. */
  constructor(engine: TestEngine, sql: postgres.Sql, projection: Projection, discardedOf?: string) {
    this.#discardedOf = discardedOf;
    this.#engine = engine;
    this.#sql = sql;
    const { tenant } = engine.database;
    this.projection = tenant === undefined ? projection : { ...projection, tenant };
  }

  /** Lets it begin at a position, with nothing parked. */
  async beginAt(position: number): Promise<void> {
    const { version, checkpoint } = this.projection;
    const { key } = checkpoint;
    await this.#sql`delete from read.dead_letters where projection = ${key}`;
    await this.#sql`insert into read.checkpoints (projection, version, position, owner, lease_until)
      values (${key}, ${version}, ${position}, ${this.owner}, now() + interval '1 hour')
      on conflict on constraint checkpoints_pkey do update set position = excluded.position, owner = excluded.owner, lease_until = excluded.lease_until, failure = null`;
  }

  /** Advances it to a position, with this many events in a batch. @throws {Error} if it stalls. */
  async moveTo(position: number, batchLimit = 100, deadLetterLimit = 1000): Promise<void> {
    const { db } = this.#engine.database.projector;
    const { key } = this.projection.checkpoint;
    const [checkpoint] = await this.#sql`select position, generation from read.checkpoints where projection = ${key}`;
    const head = new LogHead();
    head.advance(position, undefined);
    const runner = new ProjectionRunner({
      projection: this.projection,
      discardedOf: this.#discardedOf,
      table: new ProjectionTable(db, this.projection),
      log: this.#engine.log,
      feed: new CommitFeed(1),
      head,
      onMoved: (moved) => this.moved.push(moved),
      checkpoints: new Checkpoints(db),
      owner: this.owner,
      batchLimit,
      deadLetterLimit,
      clock: this.#engine.clock,
      observer: eachFault((fault) => this.faults.push(fault)),
    });
    runner.start({ position: checkpoint?.position, generation: checkpoint?.generation, failure: null });
    try {
      await until(() => runner.position >= position || runner.failure !== null || !runner.isRunning);
      if (runner.failure !== null) throw new Error(runner.failure);
    } finally {
      await runner.stop();
    }
  }
}
