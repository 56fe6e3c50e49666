import type { History, Moved, SeenRow, Subscribed } from '../history.ts';
import type { Evidence } from './evidence.ts';
import { type Log, nameOf } from './log.ts';
import { checkShown } from './reads.ts';
import type { Violation } from './violation.ts';

/** Every subscription ended on the final state, missed nothing on its way, and never went back. */
export function* checkSubscriptions(histories: readonly History[], evidence: Evidence, log: Log): Generator<Violation> {
  for (const { client, records } of histories) {
    const first = new Map<string, Subscribed>();
    const shown = new Map<string, SeenRow[]>();
    const moves = new Map<string, Moved[]>();
    for (const record of records) {
      if (record.is === 'subscribed' && !first.has(record.subscription)) first.set(record.subscription, record);
      if (record.is === 'shown') append(shown, record.subscription, record.row);
      if (record.is === 'moved') append(moves, record.subscription, record);
    }
    for (const [subscription, { to, after }] of first) {
      const facts = { client, subscription, after: log.positionOf(after) };
      if ('stream' in to)
        yield* checkRows(shown.get(subscription) ?? [], { ...facts, stream: to.stream }, evidence, log);
      else yield* checkMoves(moves.get(subscription) ?? [], { ...facts, projections: to.projections }, evidence, log);
    }
  }
}

function* checkRows(
  rows: readonly SeenRow[],
  facts: { readonly stream: SeenRow['stream']; readonly [fact: string]: unknown },
  evidence: Evidence,
  log: Log,
): Generator<Violation> {
  for (const row of rows) yield* checkShown(row, facts, evidence, log);
  const versions = rows.map(({ version }) => version);
  if (versions.some((version, index) => version < (versions[index - 1] ?? 0))) {
    yield { kind: 'subscription went back', facts: { ...facts, versions } };
  }
  const final = log.versionOf(facts.stream);
  if (versions.at(-1) !== final) yield { kind: 'subscription not at the end', facts: { ...facts, versions, final } };
}

/** For every row that changed after the subscription's beginning it was told, at or after that, that the row or anything may have. */
function* checkMoves(
  moves: readonly Moved[],
  facts: { readonly after: number; readonly projections: readonly string[]; readonly [fact: string]: unknown },
  { tables }: Evidence,
  log: Log,
): Generator<Violation> {
  for (const { projection, streamType, folded } of tables) {
    if (!facts.projections.includes(projection)) continue;
    const own = moves
      .filter((move) => move.projection === projection)
      .map(({ token, keys }) => ({ position: log.positionOf(token), keys }));
    const back = own.findIndex(({ position }, index) => position < (own[index - 1]?.position ?? 0));
    if (back >= 0) {
      const positions = own.slice(back - 1, back + 1).map(({ position }) => position);
      yield { kind: 'subscription went back', facts: { ...facts, projection, positions } };
    }
    const told = new Map<string, number>();
    let ofAll = 0;
    for (const { position, keys } of own) {
      if (keys === null) ofAll = Math.max(ofAll, position);
      for (const key of keys ?? []) told.set(key, Math.max(told.get(key) ?? 0, position));
    }
    for (const id of folded.keys()) {
      const stream = { type: streamType, id };
      const changed = log.eventsIn(stream).at(-1)?.position ?? 0;
      if (changed > facts.after && changed > Math.max(ofAll, told.get(id) ?? 0)) {
        const at = { changed, told: told.get(id), ofAll };
        yield { kind: 'subscription not at the end', facts: { ...facts, projection, stream: nameOf(stream), ...at } };
      }
    }
  }
}

function append<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
