import { LRUCache } from 'lru-cache';
import { UsualWeights } from '../../../scheduling/usual-weights.ts';
import { approximateBytes } from '../../bytes.ts';
import { initiatorOf, type RecordedEvent } from '../../define/event.ts';
import type { BatchPlan } from '../fold/fold-batch.ts';
import { keyText, type Writes } from '../fold/working-rows.ts';

/** A batch that a read model has written. */
export interface WrittenBatch {
  readonly events: readonly Pick<RecordedEvent, 'position' | 'commandId' | 'metadata'>[];
  readonly steps: BatchPlan['steps'];
  readonly writes: Pick<Writes, 'keys' | 'upserts' | 'former'>;
}

/** A row takes Postgres as long as one without values and with so many bytes more. */
const ROW_BYTES = 1024;
/** Commands whose callers are remembered because their events do not name them. */
const MOST_COMMANDS = 10_000;

/** How long it takes read models to write what the events of each caller change. */
export class WriteCosts {
  /** In ms for an event, by read model. */
  readonly #usual = new Map<string, UsualWeights>();
  /** By the ids of commands. */
  readonly #callers = new LRUCache<string, string>({ max: MOST_COMMANDS });

  /** Remembers who has issued a command whose events do not tell: the log has no addresses. */
  issued(commandId: string, caller: string): void {
    this.#callers.set(commandId, caller);
  }

  /**
   * Counts a batch that a read model has written in `ms`; one that has changed no row does not count. Each caller is charged by the bytes
   * of the rows that their events have changed.
   */
  add(projection: string, batch: WrittenBatch, ms: number): void {
    if (batch.writes.keys.size === 0) return;
    let usual = this.#usual.get(projection);
    if (!usual) {
      usual = new UsualWeights();
      this.#usual.set(projection, usual);
    }
    const ofCallers = Map.groupBy(batch.events, (event) => this.#callerOf(event));
    const bytes = ofCallers.size > 1 ? bytesByEvent(batch) : undefined;
    const total = bytes ? sumOf(bytes.values()) : 0;
    for (const [caller, events] of ofCallers) {
      const own = sumOf(events.map(({ position }) => bytes?.get(position) ?? 0));
      // Nobody is known to have changed anything: then all of them are charged alike.
      const share = total > 0 ? own / total : events.length / batch.events.length;
      usual.add(caller, (ms * share) / events.length);
    }
  }

  /** How long an event of the caller usually takes the read model that takes longest, in ms; 0 if unknown. */
  of(caller: string): number {
    return Math.max(0, ...[...this.#usual.values()].map((usual) => usual.of(caller)));
  }

  #callerOf({ commandId, metadata }: WrittenBatch['events'][number]): string {
    return this.#callers.get(commandId) ?? initiatorOf(metadata);
  }
}

/** The bytes of the rows that each event has changed, by its position. A row that several events have changed counts for each. */
function bytesByEvent({ steps, writes: { keys, upserts, former } }: WrittenBatch): ReadonlyMap<number, number> {
  const bytes = new Map<number, number>();
  const add = (position: number, row: unknown) => {
    bytes.set(position, (bytes.get(position) ?? 0) + ROW_BYTES + (row === undefined ? 0 : approximateBytes(row)));
  };
  // Which rows a change finds by the value of a column is not known here, except which one of these was the last that changed a row.
  const changers = new Map([...upserts].map(([text, { lastPosition }]) => [text, new Set([lastPosition])]));
  for (const { event, change, parkedEvent } of steps) {
    if (!change || change.kind === 'updateWhere' || parkedEvent) continue;
    const text = keyText(change.key);
    const known = changers.get(text);
    if (known) known.add(event.position);
    else if (keys.has(text)) changers.set(text, new Set([event.position]));
  }
  for (const [text, positions] of changers) {
    const row = upserts.get(text)?.row;
    for (const position of positions) add(position, row);
  }
  for (const version of former) add(Number(version.untilPosition), version);
  return bytes;
}

function sumOf(numbers: Iterable<number>): number {
  let sum = 0;
  for (const each of numbers) sum += each;
  return sum;
}
