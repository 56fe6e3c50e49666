import { isDeepStrictEqual } from 'node:util';
import type { EventTypes } from '../event.ts';
import type { SamplePair } from '../personal/samples.ts';
import { maskableColumns, PersonalMoves } from './personal-moves.ts';
import type { Change, Projection } from './projection.ts';
import { folded, type TriedRow, tried, triedRows } from './sample-rows.ts';

/** Where the personal data of one kind of event gets to in a read model. */
export interface PersonalReach {
  /** The columns that get it, by their properties: from the event, or later from another column of the same row. */
  readonly columns: ReadonlySet<string>;
  /** Those of the rows that a change is about. One event may change its own row and, by a column's value, those of others. */
  columnsOf(change: Change): ReadonlySet<string>;
  /** True if it decides which rows the event changes: it is in their keys, or they are found by it. */
  readonly choosesRows: boolean;
}

/** Where personal data gets to in a read model. */
export interface PersonalReaches {
  /** By the name of the kind of event; only those whose personal data gets anywhere. */
  readonly byEvent: ReadonlyMap<string, PersonalReach>;
  /**
   * Kinds of events whose handlers fail on made-up data, with the message of the failure. It is not known where they put personal data,
   * so every column counts as reached: `columnsOf` has them all.
   */
  readonly untried: ReadonlyMap<string, string>;
  /** The columns to which an event that was really stored brings personal data: tried with its own values in the parts that are not personal. */
  columnsWith(change: Change, twin: Change): ReadonlySet<string>;
}

/** What trying one kind of event has shown. */
interface Trial {
  /** By how the rows are found. */
  readonly byTarget: Map<string, Set<string>>;
  choosesRows: boolean;
  /** Why it could not be tried. */
  failure: string | undefined;
}

/**
 * Finds out into which columns the handlers of a read model put personal data, by trying them: each event with personal parts is handled
 * twice, with different ones, and where the rows differ afterwards, there they are. Handlers are pure, so that nothing happens.
 *
 * A handler may look at the row too, so each is tried on many rows: those that the events make, and made-up ones with empty columns and
 * with every value of an enumeration. It may also copy a personal column into another one: see {@link PersonalMoves}.
 */
export function personalReaches(projection: Projection, events: EventTypes): PersonalReaches {
  const rows = triedRows(projection, events);
  const trials = new Map<string, Trial>();
  for (const type of projection.handlers.keys()) {
    const parts = events[type]?.personalParts;
    if (parts) trials.set(type, trial(projection, type, parts.samples(), rows));
  }
  const isPersonal = (type: string) => events[type]?.personalParts.exist === true;
  const reached = new Set([...trials.values()].flatMap(({ byTarget }) => [...byTarget.values()].flatMap(listed)));
  const failed = [...trials].filter(([type, { failure }]) => failure && isPersonal(type));
  // Who copies columns matters only if there is something to copy.
  const matters = reached.size > 0 || failed.length > 0;
  const untried = new Map(
    [...trials].flatMap(([type, { failure }]) => (failure !== undefined && matters ? [[type, failure]] : [])),
  );
  const all = maskableColumns(projection);
  const moves = new PersonalMoves(projection, events, rows, reached);
  // A handler that nobody could try may copy any column into any other.
  const copiesAnything = [...untried.keys()].some((type) => !isPersonal(type));
  const spread = (columns: ReadonlySet<string>) => (columns.size > 0 && copiesAnything ? all : moves.spread(columns));
  const byEvent = new Map<string, PersonalReach>();
  for (const [type, { byTarget, choosesRows }] of trials) {
    const columns = moves.spread(new Set([...byTarget.values()].flatMap(listed)));
    const isUntried = untried.has(type) && isPersonal(type);
    const columnsOf = (change: Change) => (isUntried ? all : spread(byTarget.get(targetOf(change)) ?? NO_COLUMNS));
    if (columns.size > 0 || choosesRows || isUntried) byEvent.set(type, { columns, columnsOf, choosesRows });
  }
  const columnsWith = (change: Change, twin: Change) => {
    const found = new Set<string>();
    return compare(change, twin, rows, found) === undefined ? spread(found) : all;
  };
  return { byEvent, untried, columnsWith };
}

function trial(projection: Projection, type: string, samples: readonly SamplePair[], rows: readonly TriedRow[]): Trial {
  const found: Trial = { byTarget: new Map(), choosesRows: false, failure: undefined };
  for (const pair of samples) {
    try {
      const [changes = [], others = []] = pair.map((data) => tried(projection, type, data));
      if (!isDeepStrictEqual(changes.map(placeOf), others.map(placeOf))) found.choosesRows = true;
      for (const [nth, change] of changes.entries()) {
        const twin = others[nth];
        if (!twin) continue;
        const target = targetOf(change);
        const columns = found.byTarget.get(target) ?? new Set();
        found.byTarget.set(target, columns);
        found.failure ??= compare(change, twin, rows, columns);
      }
    } catch (error) {
      found.failure ??= messageOf(error);
    }
  }
  return found;
}

/**
 * Adds the columns in which two changes make different rows.
 * @returns why they cannot be applied to any row; undefined if they can.
 */
function compare(change: Change, twin: Change, rows: readonly TriedRow[], columns: Set<string>): string | undefined {
  if (change.kind === 'remove' || twin.kind === 'remove') return undefined;
  const before = change.kind === 'upsert' || change.kind === 'put' ? [undefined, ...rows] : rows;
  let hasRun = false;
  let failure: string | undefined;
  for (const row of before) {
    try {
      const [one, other] = [folded(change, row), folded(twin, row)];
      hasRun = true;
      addDifferences(one, other, columns);
      // It does not look at rows.
      if (change.kind === 'put') break;
    } catch (error) {
      // It may be a row that events never make.
      failure ??= messageOf(error);
    }
  }
  return hasRun ? undefined : failure;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Adds the columns in which two rows differ. */
function addDifferences(one: TriedRow = {}, other: TriedRow = {}, columns: Set<string>): void {
  for (const column of Object.keys({ ...one, ...other })) {
    if (!columns.has(column) && !isDeepStrictEqual(one[column], other[column])) columns.add(column);
  }
}

const NO_COLUMNS: ReadonlySet<string> = new Set();

function listed(columns: Iterable<string>): string[] {
  return [...columns];
}

/** How a change finds its rows: by key, or by which column. */
function targetOf(change: Change): string {
  return change.kind === 'updateWhere' ? `where ${change.column}` : 'key';
}

/** Which rows a change is about. */
function placeOf(change: Change): unknown {
  return change.kind === 'updateWhere' ? [change.kind, change.column, change.value] : [change.kind, change.key];
}
