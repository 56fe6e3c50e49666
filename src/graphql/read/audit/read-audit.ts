import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { type Actor, isNobody, NOBODY } from '../../../kernel/define/access/actor.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import { ThrottledError } from '../../../kernel/errors.ts';
import type { EngineObserver } from '../../../kernel/observe/occurrences.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { type Backoff, backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';

/** Reads that wait to be written, at most: about 10 MB. */
const MAX_WAITING = 20_000;
/** Reads that one statement writes. */
const AT_ONCE = 2000;
/** Reads within this time are written together, in ms. */
const GATHER_MS = 100;
const WRITE_AGAIN: Backoff = { firstMs: 100, maxMs: 5000 };

/** Who reads. The same object for all that one operation reads. */
export interface ReadingOperation {
  readonly actor: Actor | null;
  readonly correlationId: string;
}

/** What one operation, or one message of a subscription, has shown of one row. The names are those of `es.reads`. */
interface ReadEntry {
  readonly at: string;
  readonly actor: string;
  readonly roles: readonly string[];
  readonly correlation_id: string;
  readonly read_model: string;
  readonly row_key: string;
  /** Whose data it is; null if it is nobody's, or that is not known. */
  readonly subject: string | null;
  readonly fields: string[];
}

export interface ReadAuditParts {
  /** With the rights of the writer. */
  readonly db: Database;
  readonly clock: { now(): number };
  readonly observer: EngineObserver;
}

/**
 * Records who has read whose personal data, in `es.reads`: a row for each row of a read model that an operation shows, with the
 * fields that it shows. They are written together, a moment after the answer. If they cannot be written, they wait, and when
 * no more can wait, personal data is not shown any more: nothing is read unseen.
 */
export class ReadAudit {
  readonly #parts: ReadAuditParts;
  readonly #operations = new WeakMap<ReadingOperation, number>();
  #lastOperation = 0;
  /** By operation, read model and key. */
  #waiting = new Map<string, ReadEntry>();
  /** Those that the statement in progress writes. */
  #writing = 0;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(parts: ReadAuditParts) {
    this.#parts = parts;
  }

  /**
   * Notes that an operation shows a field of a row. This asks who reads, and an execution that does so is not shared with other clients.
   * @throws {ThrottledError} if it cannot be recorded.
   */
  note(operation: ReadingOperation, projection: Projection, row: RowValues, field: string): void {
    const { id, roles } = operation.actor ?? NOBODY;
    const key = projection.key.map(({ property }) => String(row[property])).join('/');
    const name = `${this.#numberOf(operation)} ${projection.name} ${key}`;
    const known = this.#waiting.get(name);
    if (known) {
      if (!known.fields.includes(field)) known.fields.push(field);
      return;
    }
    if (this.#waiting.size + this.#writing >= MAX_WAITING) {
      throw new ThrottledError(1000, 'Personal data is not shown while reading it cannot be recorded.');
    }
    this.#waiting.set(name, {
      at: new Date(this.#parts.clock.now()).toISOString(),
      actor: isNobody({ id, roles }) ? NOBODY.id : id,
      roles,
      correlation_id: operation.correlationId,
      read_model: projection.name,
      row_key: key,
      subject: subjectOf(projection, row),
      fields: [field],
    });
    this.#running ??= this.#write();
  }

  /** Writes what waits. What cannot be written within the time of a shutdown is reported. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    if (this.#waiting.size > 0) {
      this.#failed(new Error(`${this.#waiting.size} reads of personal data could not be recorded.`));
    }
  }

  #failed(error: unknown): void {
    this.#parts.observer.tell('faultMet', { error, context: { part: 'audit of reads' } });
  }

  #numberOf(operation: ReadingOperation): number {
    const number = this.#operations.get(operation) ?? ++this.#lastOperation;
    this.#operations.set(operation, number);
    return number;
  }

  async #write(): Promise<void> {
    const { signal } = this.#stopping;
    await pause(GATHER_MS, signal);
    let failures = 0;
    while (this.#waiting.size > 0) {
      const taken = [...this.#waiting].slice(0, AT_ONCE);
      for (const [name] of taken) this.#waiting.delete(name);
      this.#writing = taken.length;
      try {
        await this.#insert(taken.map(([, entry]) => entry));
        failures = 0;
      } catch (error) {
        this.#failed(error);
        this.#waiting = new Map([...taken, ...this.#waiting]);
        if (signal.aborted) break;
        await pause(backoffMs(++failures, WRITE_AGAIN), signal);
      } finally {
        this.#writing = 0;
      }
    }
    this.#running = undefined;
  }

  async #insert(entries: readonly ReadEntry[]): Promise<void> {
    await this.#parts.db.execute(sql`
      insert into es.reads (at, actor, roles, correlation_id, read_model, row_key, subject, fields)
      select at, actor, roles, correlation_id, read_model, row_key, subject, fields
      from jsonb_to_recordset(${JSON.stringify(entries)}::jsonb) as r(
        at timestamptz, actor text, roles text[], correlation_id text, read_model text, row_key text, subject text, fields text[])`);
  }
}

/** The row may lack the column that says it, or its author's function may not expect what it has: a read is noted nevertheless. */
function subjectOf({ personal }: Projection, row: RowValues): string | null {
  try {
    return personal?.of(row as never) ?? null;
  } catch {
    return null;
  }
}
