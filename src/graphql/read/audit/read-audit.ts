import type { Database } from '../../../database/client.ts';
import { type Actor, isNobody, NOBODY, SYSTEM } from '../../../kernel/define/access/actor.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import { ThrottledError } from '../../../kernel/errors.ts';
import type { EngineObserver } from '../../../kernel/observe/occurrences.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { type Backoff, backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import { storable } from '../../../text/storable.ts';
import { type ReadEntry, writeReads } from './write-reads.ts';

/** Reads that wait to be written, at most, and their texts, in characters. */
const MAX_WAITING = 20_000;
const MAX_WAITING_LENGTH = 10_000_000;
/** Longer texts of a read are cut off: keys and ids are seldom longer. */
const TEXT_LENGTH = 500;
/** Reads that are written together. */
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
  /** Those that are being written. */
  #writing: ReadonlyMap<string, ReadEntry> = new Map();
  /** Characters of the texts of all that wait or are being written. */
  #length = 0;
  /** Reads that are not recorded, because too many were waiting or Postgres refused them. */
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
    if (this.#waiting.size + this.#writing.size >= MAX_WAITING || this.#length >= MAX_WAITING_LENGTH) {
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
    const left = this.#waiting.size + this.#writing.size + this.#missing;
    if (left > 0) this.#failed(new Error(`${left} reads of personal data could not be recorded.`));
  }

  #entryOf({ id, roles }: Actor, correlationId: string) {
    return {
      at: new Date(this.#parts.clock.now()).toISOString(),
      actor: shortened(isNobody({ id, roles }) ? NOBODY.id : id),
      roles: roles.map(shortened),
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
      this.#writing = new Map([...this.#waiting].slice(0, AT_ONCE));
      for (const name of this.#writing.keys()) this.#waiting.delete(name);
      const missing = this.#missing;
      try {
        const refused = await writeReads(this.#parts.db, [...this.#writing.values(), ...this.#gapOf(missing)]);
        failures = 0;
        this.#missing += refused.length - missing;
        for (const error of refused) this.#failed(error);
        for (const entry of this.#writing.values()) this.#length -= lengthOf(entry);
      } catch (error) {
        this.#failed(error);
        this.#putBack();
        if (signal.aborted) break;
        await pause(backoffMs(++failures, WRITE_AGAIN), signal);
      } finally {
        this.#writing = new Map();
      }
    }
    this.#running = undefined;
  }

  /** What could not be written waits again, before all others. Meanwhile, the same operation may have shown more of the same row. */
  #putBack(): void {
    const newer = this.#waiting;
    this.#waiting = new Map(this.#writing);
    for (const [name, entry] of newer) {
      const older = this.#waiting.get(name);
      if (!older) {
        this.#waiting.set(name, entry);
        continue;
      }
      const added = entry.fields.filter((field) => !older.fields.includes(field));
      older.fields.push(...added);
      this.#length += charactersOf(added) - lengthOf(entry);
    }
  }

  /** The row that says that reads are missing, if any are. */
  #gapOf(missing: number): ReadEntry[] {
    if (missing === 0) return [];
    this.#failed(
      new Error(
        `${missing} reads of personal data were not recorded: too many were waiting, or Postgres refused them.`,
      ),
    );
    const what = { read_model: NOT_RECORDED, row_key: `${missing}`, subject: null, fields: [] };
    return [{ ...this.#entryOf(SYSTEM, ''), ...what }];
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
  return text.length > TEXT_LENGTH ? `${storable(text, TEXT_LENGTH - 1)}…` : storable(text, TEXT_LENGTH);
}

function lengthOf({ actor, roles, correlation_id, read_model, row_key, subject, fields }: ReadEntry): number {
  return charactersOf([actor, ...roles, correlation_id, read_model, row_key, subject ?? '', ...fields]);
}

function charactersOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}
