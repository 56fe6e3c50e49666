import { isDeepStrictEqual } from 'node:util';
import type { History, Read, SeenRow } from '../history.ts';
import type { Evidence } from './evidence.ts';
import { type Log, nameOf } from './log.ts';
import type { Violation } from './violation.ts';

/** Codes of a token that a server does not take. */
const REFUSALS = ['INVALID_TOKEN', 'FOREIGN_TOKEN', 'TOKEN_AHEAD'];

/** Every read made with tokens reflects all that they stand for; whatever was read has once been so. */
export function* checkReads(histories: readonly History[], evidence: Evidence, log: Log): Generator<Violation> {
  const whole = new Map(evidence.tables.map(({ streamType, folded }) => [streamType, folded]));
  for (const { client, records } of histories) {
    for (const record of records) {
      if (record.is === 'unread' && REFUSALS.includes(record.code)) {
        yield { kind: 'token not honoured', facts: { client, record } };
      }
      if (record.is === 'interrupted' && REFUSALS.includes(record.code)) {
        yield { kind: 'token not honoured', facts: { client, record } };
      }
      if (record.is !== 'read') continue;
      for (const row of record.rows) yield* checkShown(row, { client, at: record.at }, evidence, log);
      if (record.stale) continue;
      const position = log.furthest(record.after);
      for (const { stream, version } of record.rows) {
        const least = log.versionAt(stream, position);
        if (version < least) {
          yield { kind: 'token not reflected', facts: { client, stream, position, least, shown: version, record } };
        }
      }
      yield* checkAll(record, position, { client, log, rows: whole.get(record.allOf?.type ?? '') });
    }
  }
}

/** Every row that was shown equals the fold of its stream at that version. */
export function* checkShown(
  { stream, version, columns }: SeenRow,
  facts: Readonly<Record<string, unknown>>,
  evidence: Evidence,
  log: Log,
): Generator<Violation> {
  if (version === 0) return;
  const row = version <= log.versionOf(stream) ? evidence.rowAt(stream, version) : undefined;
  const was = row && Object.fromEntries(Object.keys(columns).map((column) => [column, row[column]]));
  if (!isDeepStrictEqual(was, columns)) {
    yield { kind: 'never so', facts: { ...facts, stream, version, shown: columns, was } };
  }
}

/** A list leaves out nothing that was there. */
function* checkAll(
  record: Read,
  position: number,
  { client, log, rows }: { client: string; log: Log; rows: Evidence['tables'][number]['folded'] | undefined },
): Generator<Violation> {
  const { allOf } = record;
  if (!allOf || !rows) return;
  const shown = new Set(record.rows.map(({ stream }) => nameOf(stream)));
  for (const [id, row] of rows) {
    const stream = { type: allOf.type, id };
    if (row[allOf.column] !== allOf.value || shown.has(nameOf(stream))) continue;
    if (log.versionAt(stream, position) > 0) {
      yield { kind: 'token not reflected', facts: { client, why: 'left out of a list', stream, position, record } };
    }
  }
}
