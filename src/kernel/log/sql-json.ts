import { wallTime } from '../clock/wall-clock.ts';
import { type Append, storedData } from './append/append.ts';

/**
 * The JSON arguments of the functions of schema `es`. This is the only file that knows their keys. The keys are single
 * letters because Postgres parses them with every append. Each interface is one element of an array. The table of
 * columns after it is what the function declares for that element: `test/kernel/log/sql-json.test.ts` compares it with
 * the function in the database.
 */
type ColumnsOf<Element> = { readonly [Key in keyof Element]-?: string };

/**
 * The caller's clock in ms since 1970, and the maximum difference to Postgres' clock in ms: see `es.recording_time`.
 */
type Witness = readonly [time: number, limitMs: number];

/** An append, as `es.append` takes it. */
interface AppendJson {
  /** Stream type. */
  readonly t: string;
  /** Stream id. */
  readonly i: string;
  /** Version that the stream must have; null for any. */
  readonly v: number | null;
  /** Command id. */
  readonly c: string;
  /** Former command id. */
  readonly p: string | undefined;
  /** Fingerprint. */
  readonly f: string;
  /** Former fingerprint. */
  readonly g: string | undefined;
  /** Business time; the time of recording if absent. */
  readonly o: Date | undefined;
  /** Metadata of its events. */
  readonly m: object;
  /** Other streams that it holds. */
  readonly q: readonly HeldJson[] | undefined;
  /** Other stream types that may have its stream's id. */
  readonly x: readonly string[] | undefined;
  /** Id of its receipt, if it has no events. */
  readonly r: string | undefined;
  /** Its events. */
  readonly e: readonly EventJson[];
}

export const APPEND_COLUMNS: ColumnsOf<AppendJson> = {
  ...{ t: 'text', i: 'uuid', v: 'int', c: 'uuid', p: 'uuid', f: 'uuid', g: 'uuid', o: 'timestamptz', m: 'jsonb' },
  ...{ q: 'jsonb', x: 'text[]', r: 'uuid', e: 'jsonb' },
};

/** A stream that an append holds. */
interface HeldJson {
  /** Stream type. */
  readonly t: string;
  /** Stream id. */
  readonly i: string;
  /** Version that it must have; -1 never matches. */
  readonly v: number;
}

export const HELD_COLUMNS: ColumnsOf<HeldJson> = { t: 'text', i: 'uuid', v: 'int' };

/** An event of an append. */
interface EventJson {
  /** Event id. */
  readonly i: string | undefined;
  /** Type. */
  readonly t: string;
  /** Schema version. */
  readonly s: number;
  /** Data. */
  readonly d: unknown;
}

/** These are read by name, not as columns. */
export const EVENT_KEYS: ColumnsOf<EventJson> = { i: '->>', t: '->>', s: '->>', d: '->' };

/** A stream, as `es.load` takes it. */
interface LoadJson {
  /** Number of the request. */
  readonly n: number;
  /** Stream type. */
  readonly t: string;
  /** Stream id. */
  readonly i: string;
  /** Version that the caller has. */
  readonly v: number;
  /** State version that a snapshot must have. */
  readonly w: number;
}

export const LOAD_COLUMNS: ColumnsOf<LoadJson> = { n: 'int', t: 'text', i: 'uuid', v: 'int', w: 'int' };

/** A snapshot, as `es.save_snapshots` takes it. */
interface SnapshotJson {
  /** Stream type. */
  readonly t: string;
  /** Stream id. */
  readonly i: string;
  /** Version. */
  readonly v: number;
  /** State version. */
  readonly w: number;
  /** The sealed state. */
  readonly s: object;
}

export const SNAPSHOT_COLUMNS: ColumnsOf<SnapshotJson> = { t: 'text', i: 'uuid', v: 'int', w: 'int', s: 'jsonb' };

/** Present on the first append of a batch, so that Postgres compares the clocks. */
interface Witnessed {
  readonly k: Witness | undefined;
}

/**
 * @param clockLimitMs maximum difference between this machine's clock and that of Postgres, in ms; 0 does not compare
 * them.
 */
function witness(clockLimitMs: number): Witness | undefined {
  return clockLimitMs > 0 ? [wallTime(), clockLimitMs] : undefined;
}

/**
 * The argument of `es.append`.
 * @param eventIds for each append the ids of its events, or that of its receipt.
 * @param sharedWith for a stream type, the other types that may have its ids.
 */
export function appendsJson(
  appends: readonly Append[],
  eventIds: readonly (readonly string[])[],
  sharedWith: ReadonlyMap<string, readonly string[]>,
  clockLimitMs: number,
): string {
  const held = heldInOrder(appends);
  return JSON.stringify(
    appends.map((append, nth): AppendJson & Witnessed => ({
      k: nth === 0 ? witness(clockLimitMs) : undefined,
      t: append.streamType,
      i: append.streamId,
      v: append.expectedVersion,
      c: append.commandId,
      p: append.formerCommandId,
      f: append.fingerprint,
      g: append.formerFingerprint,
      o: append.occurredAt,
      m: append.metadata,
      q: held[nth],
      x: sharedWith.get(append.streamType),
      r: append.events.length === 0 ? eventIds[nth]?.[0] : undefined,
      e: append.events.map((event, index) => ({
        i: eventIds[nth]?.[index],
        t: event.type,
        s: event.schemaVersion,
        d: storedData(append, index),
      })),
    })),
  );
}

/**
 * The streams that each append holds. If an append before it in the batch changes a held stream, its expected version becomes
 * -1, which never matches, so this append conflicts.
 */
function heldInOrder(appends: readonly Append[]): (readonly HeldJson[] | undefined)[] {
  const changed = new Set<string>();
  return appends.map(({ streamType, streamId, events, held }) => {
    const own = held?.map(({ streamType: t, streamId: i, version }) => ({
      t,
      i,
      v: changed.has(`${t}/${i}`) ? -1 : version,
    }));
    if (events.length > 0) changed.add(`${streamType}/${streamId}`);
    return own;
  });
}

/** A stream to be loaded. */
export interface LoadRequest {
  readonly streamType: string;
  readonly streamId: string;
  readonly afterVersion: number;
  readonly stateVersion: number;
}

/** The argument of `es.load`. */
export function loadJson(requests: readonly LoadRequest[]): string {
  return JSON.stringify(
    requests.map(
      ({ streamType: t, streamId: i, afterVersion: v, stateVersion: w }, n): LoadJson => ({ n, t, i, v, w }),
    ),
  );
}

/** A snapshot to be saved. */
export interface SnapshotRequest {
  readonly streamType: string;
  readonly streamId: string;
  readonly version: number;
  readonly stateVersion: number;
  readonly sealed: object;
}

/** The argument of `es.save_snapshots`. */
export function snapshotsJson(snapshots: readonly SnapshotRequest[]): string {
  return JSON.stringify(
    snapshots.map(
      ({ streamType: t, streamId: i, version: v, stateVersion: w, sealed: s }): SnapshotJson => ({ t, i, v, w, s }),
    ),
  );
}
