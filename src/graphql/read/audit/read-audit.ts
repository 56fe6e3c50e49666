import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { type Actor, isNobody, NOBODY, SYSTEM } from '../../../kernel/define/access/actor.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import { ThrottledError } from '../../../kernel/errors.ts';
import type { EngineObserver } from '../../../kernel/observe/occurrences.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { type Backoff, backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';

/** Reads that wait to be written, at most, and their texts, in characters. */
const MAX_WAITING = 20_000;
const MAX_WAITING_LENGTH = 10_000_000;
/** Longer texts of a read are cut off: keys and ids are seldom longer. */
const TEXT_LENGTH = 500;
/** Reads that one statement writes. */
const AT_ONCE = 2000;
/** Reads within this time are written together, in ms. */
const GATHER_MS = 100;
/** How long the end waits for a statement, in ms. */
const CLOSE_WITHIN_MS = 5000;
/** Stands in `read_model` for reads that were not recorded; `row_key` is their number. */
export const NOT_RECORDED = '(not recorded)';
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
  /** Whether personal data is not shown while reads cannot be recorded. */
  readonly isRequired: boolean;
  /** Deletes old rows, if they are not kept for ever. */
  readonly retention?: { stop(): Promise<void> } | undefined;
}

/**
 * Records who has read whose personal data, in `es.reads`: a row for each row of a read model that an operation shows, with the
 * fields that it shows. They are written together, a moment after the answer, which never waits for it. If they cannot be written, they
 * wait. When no more can wait, further ones are counted, and a row says how many are missing; if recording is required, personal
 * data is not shown instead.
 */
export class ReadAudit {
  readonly #parts: ReadAuditParts;
  readonly #operations = new WeakMap<ReadingOperation, number>();
  #lastOperation = 0;
  /** By operation, read model and key. */
  #waiting = new Map<string, ReadEntry>();
  /** Characters of their texts, with those that the statement in progress writes. */
  #length = 0;
  /** Those that the statement in progress writes. */
  #writing = 0;
  /** Reads that could not wait any more. */
  #missing = 0;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(parts: ReadAuditParts) {
    this.#parts = parts;
  }

  /**
   * Notes that an operation shows a field of a row. This asks who reads, and an execution that does so is not shared with other clients.
   * @throws {ThrottledError} if it cannot be recorded, and has to be.
   */
  note(operation: ReadingOperation, projection: Projection, row: RowValues, field: string): void {
    const key = projection.key.map(({ property }) => String(row[property])).join('/');
    const name = `${this.#numberOf(operation)} ${projection.name} ${key}`;
    const known = this.#waiting.get(name);
    if (known) {
      if (known.fields.includes(field)) return;
      known.fields.push(field);
      this.#length += field.length;
      return;
    }
    if (this.#waiting.size + this.#writing >= MAX_WAITING || this.#length >= MAX_WAITING_LENGTH) {
      if (this.#parts.isRequired) {
        throw new ThrottledError(1000, 'Personal data is not shown while reading it cannot be recorded.');
      }
      this.#missing++;
      return;
    }
    const entry = {
      ...this.#entryOf(operation.actor ?? NOBODY, operation.correlationId),
      read_model: projection.name,
      row_key: shortened(key),
      subject: subjectOf(projection, row),
      fields: [field],
    };
    this.#waiting.set(name, entry);
    this.#length += lengthOf(entry);
    this.#running ??= this.#write();
  }

  /** Writes what waits, for at most a few seconds. What cannot be written is reported. */
  async close(): Promise<void> {
    this.#stopping.abort();
    const written = Promise.all([this.#parts.retention?.stop(), this.#running]);
    await Promise.race([written, pause(CLOSE_WITHIN_MS, undefined, { keepsProcess: false })]);
    const left = this.#waiting.size + this.#writing + this.#missing;
    if (left > 0) this.#failed(new Error(`${left} reads of personal data could not be recorded.`));
  }

  #entryOf({ id, roles }: Actor, correlationId: string) {
    return {
      at: new Date(this.#parts.clock.now()).toISOString(),
      actor: shortened(isNobody({ id, roles }) ? NOBODY.id : id),
      roles,
      correlation_id: shortened(correlationId),
    };
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
    while (this.#waiting.size > 0 || this.#missing > 0) {
      const taken = [...this.#waiting].slice(0, AT_ONCE);
      for (const [name] of taken) this.#waiting.delete(name);
      this.#writing = taken.length;
      const missing = this.#missing;
      try {
        await this.#insert([...taken.map(([, entry]) => entry), ...this.#gapOf(missing)]);
        failures = 0;
        this.#missing -= missing;
        for (const [, entry] of taken) this.#length -= lengthOf(entry);
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

  /** The row that says that reads are missing, if any are. */
  #gapOf(missing: number): ReadEntry[] {
    if (missing === 0) return [];
    this.#failed(new Error(`${missing} reads of personal data were not recorded, because too many were waiting.`));
    const what = { read_model: NOT_RECORDED, row_key: `${missing}`, subject: null, fields: [] };
    return [{ ...this.#entryOf(SYSTEM, ''), ...what }];
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
    const subject = personal?.of(row as never);
    return subject == null ? null : shortened(subject);
  } catch {
    return null;
  }
}

function shortened(text: string): string {
  // Half of a surrogate pair is no text for Postgres, which would refuse the whole statement.
  return text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH - 1).toWellFormed()}…` : text;
}

function lengthOf({ actor, roles, correlation_id, read_model, row_key, subject, fields }: ReadEntry): number {
  return [actor, ...roles, correlation_id, read_model, row_key, subject ?? '', ...fields].reduce(
    (sum, { length }) => sum + length,
    0,
  );
}
