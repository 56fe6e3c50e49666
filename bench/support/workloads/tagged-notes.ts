import { randomUUID } from 'node:crypto';
import type { Sql } from 'postgres';
import { auditDomain } from '../../../src/domains/audit/index.ts';
import { createNote, notesDomain, tagNote, untagNote } from '../../../src/domains/notes/index.ts';
import type { Actor } from '../../../src/kernel/define/access/actor.ts';
import type { Command, InputOf } from '../../../src/kernel/define/command.ts';
import { sameEachTime } from '../measuring/random.ts';
import { type BenchEngine, openEngine } from '../running/engine.ts';

const NOTES = 8;
const CHARACTERS = 100_000;
/** Commands under way at a time. */
const AT_ONCE = 32;

/** The cost of many small changes of a few large rows. */
export interface TaggedNotes {
  /** Bytes that the events of the changes take, with their indexes. */
  readonly eventBytes: number;
  /** Bytes that the database has grown by, after a vacuum: events, rows, former versions, audit trail and all indexes. */
  readonly diskBytes: number;
  /** Of these the read model of notes with its former versions. */
  readonly notesBytes: number;
  /** Of these snapshots of the aggregates. */
  readonly snapshotBytes: number;
  /** Bytes of the write-ahead log. */
  readonly walBytes: number;
  /** From the first command until the read models have applied the last one, in ms. */
  readonly ms: number;
}

/**
 * Tags and untags a few notes of 100,000 characters in turn.
 * @throws if a command was not accepted.
 */
export async function tagNotes(url: string, sql: Sql, commands: number): Promise<TaggedNotes> {
  const engine = await openEngine(url, [notesDomain, auditDomain]);
  try {
    await engine.start();
    const author: Actor = { id: randomUUID(), roles: ['customer'], claims: {} };
    const notes: string[] = [];
    for (let nth = 0; nth < NOTES; nth++) {
      const { id } = await accepted(engine, author, createNote, { title: `Note ${nth}`, content: contentOf(nth) });
      notes.push(id);
    }
    // The first change of a row keeps its large values for all later versions.
    for (const noteId of notes) await accepted(engine, author, tagNote, { noteId, tag: 'first' });
    await reached(engine);
    await sql`vacuum`;
    const before = await measure(sql);
    const began = performance.now();
    let next = 0;
    const worker = async () => {
      while (next < commands) {
        const nth = next++;
        const input = { noteId: notes[nth % NOTES] ?? '', tag: `tag ${nth % 40}` };
        // Each note has half of the tags at any time.
        const hasIt = Math.floor(nth / 40) % 2 === 1;
        await accepted(engine, author, hasIt ? untagNote : tagNote, input);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await reached(engine);
    const ms = performance.now() - began;
    const { wal } = await measure(sql);
    await sql`vacuum`;
    const after = await measure(sql);
    return {
      eventBytes: after.events - before.events,
      diskBytes: after.disk - before.disk,
      notesBytes: after.notes - before.notes,
      snapshotBytes: after.snapshots - before.snapshots,
      walBytes: wal - before.wal,
      ms,
    };
  } finally {
    await engine.close();
  }
}

async function reached(engine: BenchEngine): Promise<void> {
  const { positions, head } = engine.projector;
  await Promise.all(positions.names.map((name) => positions.reached(name, head.position)));
}

async function accepted<C extends Command>(engine: BenchEngine, actor: Actor, command: C, input: InputOf<C>) {
  const outcome = await engine.bus.execute(command, input, { actor, correlationId: randomUUID() });
  if (outcome.kind !== 'accepted') throw new Error(`A command was not accepted: ${JSON.stringify(outcome)}`);
  return { id: outcome.receipt.aggregateId };
}

/** Words that do not compress as one word again and again would. */
function contentOf(seed: number): string {
  const random = sameEachTime(seed + 1);
  let text = '';
  while (text.length < CHARACTERS) text += `${Math.floor(random() * 36 ** 6).toString(36)} `;
  return text.slice(0, CHARACTERS);
}

async function measure(sql: Sql) {
  const [row] = await sql<{ events: string; disk: string; notes: string; snapshots: string; wal: string }[]>`
    select pg_total_relation_size('es.events') as events, pg_total_relation_size('es.snapshots') as snapshots,
      (select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r'
        and relnamespace in ('es'::regnamespace, 'read'::regnamespace)) as disk,
      (select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r'
        and relnamespace = 'read'::regnamespace and relname like 'note%') as notes,
      pg_current_wal_insert_lsn() - '0/0'::pg_lsn as wal`;
  if (!row) throw new Error('The database says nothing of its size.');
  const { events, disk, notes, snapshots, wal } = row;
  return {
    ...{ events: Number(events), disk: Number(disk), notes: Number(notes) },
    ...{ snapshots: Number(snapshots), wal: Number(wal) },
  };
}
