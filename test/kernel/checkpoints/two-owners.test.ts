import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { FencedError } from '../../../src/kernel/checkpoints/advance.ts';
import { Checkpoints } from '../../../src/kernel/checkpoints/checkpoints.ts';
import { Leases } from '../../../src/kernel/checkpoints/leases/leases.ts';
import type { RecordedEvent } from '../../../src/kernel/define/event.ts';
import { foldBatch, planBatch } from '../../../src/kernel/read/fold/fold-batch.ts';
import { ProjectionTable } from '../../../src/kernel/read/fold/projection-table.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { books, libraryAppends, libraryDomain, libraryEvents, libraryTables } from '../../support/kernel/library.ts';
import { everyEvent } from '../../support/kernel/log.ts';
import { expectedHistory, expectedRows, historyOf, rowsOf } from '../../support/kernel/rows.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { fc } from '../../support/properties.ts';

const database = useDatabase({ tables: libraryTables, per: 'emptied' });
const openEngine = useEngine(database, [libraryDomain]);

/** The next action of one of two owners, or an incident. */
type Step =
  | { readonly does: 'lease' | 'read' | 'write' | 'give' | 'die' | 'expire' }
  | { readonly does: 'plan' | 'pause'; readonly size: number };

/** A batch from taking the projection to its end. */
const wholeBatch = (size: number): Step[] => [
  { does: 'lease' },
  { does: 'plan', size },
  { does: 'read' },
  { does: 'write' },
];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Step>({ does: 'lease' }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 7 }).map((size): Step => ({ does: 'plan', size })) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 7 }).map((size): Step => ({ does: 'pause', size })) },
  { weight: 3, arbitrary: fc.constant<Step>({ does: 'read' }) },
  { weight: 4, arbitrary: fc.constant<Step>({ does: 'write' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ does: 'give' }, { does: 'die' }, { does: 'expire' }) },
);
const schedule = fc.array(fc.tuple(fc.nat({ max: 1 }), step), { minLength: 10, maxLength: 60 });

/** An owner as an instance is one, step by step: it believes what it knew last, however long ago that was. */
class Owner {
  readonly #leases: Leases;
  readonly #table: ProjectionTable;
  readonly #log: readonly RecordedEvent[];
  #id = randomUUID();
  /** The believed position of the projection; undefined if it does not own it, as far as it knows. */
  #at: { position: number; generation: number } | undefined;
  #batch: { events: readonly RecordedEvent[]; rows?: Awaited<ReturnType<ProjectionTable['read']>> } | undefined;
  written = 0;

  constructor({ database: { leases, projector } }: TestEngine, log: readonly RecordedEvent[]) {
    this.#leases = new Leases(leases.db);
    this.#table = new ProjectionTable(projector.db, books);
    this.#log = log;
  }

  async take(step: Step): Promise<void> {
    if (step.does === 'lease') return this.#lease();
    if (step.does === 'plan') return this.#plan(step.size);
    if (step.does === 'read') return this.#read();
    if (step.does === 'write') return this.#write();
    // It gives the projection up between two batches, if it is told to.
    if (step.does === 'give') {
      this.#forget();
      return this.#leases.give(this.#id, 'books@1');
    }
    // It is killed, and another process comes in its place.
    if (step.does === 'die') {
      this.#forget();
      this.#id = randomUUID();
    }
    await this.#expire();
  }

  /** Simulates a pause: the others see neither its lease nor itself, and it does not know. */
  async #expire(): Promise<void> {
    await database.sql`update read.checkpoints set lease_until = now() - interval '1 minute'`;
    await database.sql`update read.instances set alive_until = now() - interval '1 minute'`;
  }

  async #lease(): Promise<void> {
    const all = await this.#leases.lease(this.#id, [books.checkpoint]);
    const found = all.find(({ key }) => key === 'books@1');
    // A running runner continues its work. A runner that has just become the owner begins at the checkpoint.
    if (!found?.isOurs) this.#forget();
    else this.#at ??= { position: found.position, generation: found.generation };
  }

  #plan(size: number): void {
    if (!this.#at || this.#batch) return;
    const events = this.#log.slice(this.#at.position, this.#at.position + size);
    if (events.length > 0) this.#batch = { events };
  }

  async #read(): Promise<void> {
    if (!this.#batch) return;
    const plan = planBatch(books, this.#batch.events);
    this.#batch.rows = plan.steps.length > 0 ? await this.#table.read(plan) : [];
  }

  async #write(): Promise<void> {
    if (!this.#at || !this.#batch?.rows) return;
    const { events, rows } = this.#batch;
    const writes = foldBatch(books, planBatch(books, events), rows);
    const { position: from, generation } = this.#at;
    const to = (events.at(-1) as RecordedEvent).position;
    try {
      await this.#table.write(writes, { from, to, owner: this.#id, generation });
      this.#at = { position: to, generation };
      this.#batch = undefined;
      this.written += events.length;
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      this.#forget();
    }
  }

  #forget(): void {
    this.#at = undefined;
    this.#batch = undefined;
  }
}

it('two owners in any order of their steps, however they lose the projection and get it back, leave each event applied once', async () => {
  const engine = await openEngine();
  const checkpoints = new Checkpoints(engine.database.leases.db);
  await checkpoints.register([books.checkpoint]);
  await fc.assert(
    fc.asyncProperty(libraryEvents, schedule, async (happened, steps) => {
      await database.sql`truncate read.books_v1, read.books_history_v1, read.instances`;
      const { position: before } = await engine.log.head();
      await database.sql`update read.checkpoints set position = 0, owner = null, lease_until = null, generation = generation + 1`;
      await engine.log.append(libraryAppends(happened));
      const events = await everyEvent(engine.log);
      const fresh = events.filter(({ position }) => position > before);
      // All runs share one log, and each has events of its own.
      const log = fresh.map((event) => ({ ...event, position: event.position - before }));
      const owners = [new Owner(engine, log), new Owner(engine, log)] as const;
      for (const [who, what] of steps) {
        const [owner, other] = who === 0 ? owners : ([owners[1], owners[0]] as const);
        await owner.take(what);
        // Meanwhile the other takes over and works, and then pauses. After that, the work that was begun before
        // continues.
        if (what.does !== 'pause') continue;
        for (const done of wholeBatch(what.size)) await other.take(done);
        await other.take({ does: 'expire' });
        await owner.take({ does: 'lease' });
      }

      const applied = owners[0].written + owners[1].written;
      const [row] = await database.sql`select position from read.checkpoints where projection = 'books@1'`;
      expect(row?.position).toBe(applied);
      expect(await rowsOf(engine.database.projector.db, books)).toEqual(expectedRows(books, log.slice(0, applied)));

      // The last owner reaches the end.
      const [last] = owners;
      await last.take({ does: 'die' });
      for (let n = 0; n <= log.length; n++) {
        for (const what of wholeBatch(3)) await last.take(what);
      }
      expect(await rowsOf(engine.database.projector.db, books)).toEqual(expectedRows(books, log));
      expect(await historyOf(engine.database.projector.db, books)).toEqual(expectedHistory(books, log));
      const [end] = await database.sql`select position from read.checkpoints where projection = 'books@1'`;
      expect(end?.position).toBe(log.length);
    }),
    { numRuns: 150 },
  );
});
