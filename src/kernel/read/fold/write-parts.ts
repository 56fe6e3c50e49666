import { approximateBytes, PAGE_BYTES } from '../../bytes.ts';
import type { Key } from '../../define/read-model/projection.ts';
import { keyText, type RowChange, type RowValues, type RowWithMeta, type Writes } from './working-rows.ts';

/** Maximum number of rows that are written with one statement: serialising more would keep the event loop for too long. */
const MAX_ROWS = 4000;

/** True if there is nothing to write. */
export function isNothing({ upserts, removals, former }: Writes): boolean {
  return upserts.size + removals.length + former.length === 0;
}

/** True if the writes are too many or too large for one statement. */
export function isLarge({ upserts, removals, former }: Writes): boolean {
  if (upserts.size + removals.length + former.length > MAX_ROWS) return true;
  let bytes = 0;
  for (const { row } of upserts.values()) {
    bytes += approximateBytes(row);
    if (bytes > PAGE_BYTES) return true;
  }
  for (const version of former) {
    bytes += approximateBytes(version);
    if (bytes > PAGE_BYTES) return true;
  }
  return false;
}

/** A table that writes rows without moving the checkpoint. */
interface PartTable {
  writeRows(writes: Writes): Promise<void>;
}

/**
 * Writes parts one after the other. One is made and serialised while Postgres works on the one before.
 * @returns the number of rows that changed.
 */
export async function writeEach(table: PartTable, parts: Iterable<Writes>): Promise<number> {
  let rows = 0;
  let sent = Promise.resolve();
  for (const part of parts) {
    rows += part.keys.size;
    const next = table.writeRows(part);
    // It is awaited below, unless the one before fails.
    next.catch(() => {});
    await sent;
    sent = next;
  }
  await sent;
  return rows;
}

/** Divides a batch's writes into parts that each fit into one statement. */
export function divided(writes: Writes): Iterable<Writes> {
  return partsOf(changesOf(writes), writes.former);
}

/** Changes and former versions in parts that each fit into one statement. A row that is larger has a part of its own. */
export function* partsOf(changes: Iterable<RowChange>, former: Iterable<RowValues>): Generator<Writes> {
  let part = new WritesPart();
  for (const change of changes) {
    part.add(change);
    if (!part.isFull) continue;
    yield part;
    part = new WritesPart();
  }
  for (const version of former) {
    part.keep(version);
    if (!part.isFull) continue;
    yield part;
    part = new WritesPart();
  }
  if (!isNothing(part)) yield part;
}

class WritesPart implements Writes {
  readonly upserts: Map<string, RowWithMeta> = new Map();
  readonly removals: Key[] = [];
  readonly before = new Map<string, RowValues>();
  readonly former: RowValues[] = [];
  readonly keys = new Set<string>();
  #bytes = 0;

  get isFull(): boolean {
    return this.#bytes >= PAGE_BYTES || this.keys.size + this.former.length >= MAX_ROWS;
  }

  add({ text, key, stored, read }: RowChange): void {
    this.keys.add(text);
    if (read) this.before.set(text, read);
    if (!stored) this.removals.push(key);
    else {
      this.upserts.set(text, stored);
      this.#bytes += approximateBytes(stored.row);
    }
  }

  keep(version: RowValues): void {
    this.former.push(version);
    this.#bytes += approximateBytes(version);
  }
}

function* changesOf({ upserts, removals, before }: Writes): Generator<RowChange> {
  for (const [text, stored] of upserts) yield { text, key: text, stored, read: before.get(text) };
  for (const key of removals) yield { text: keyText(key), key, stored: undefined, read: undefined };
}
