/** An event that is known to have been committed. */
export interface KnownEvent {
  readonly position: number;
  readonly eventId: string;
}

/** The result of one query of the log, all at one moment. */
export interface LogEnd {
  /** The last position; 0 if the log is empty. */
  readonly position: number;
  readonly recordedAt: Date | undefined;
  readonly eventId: string | undefined;
  /** The event id at the requested position; undefined if there is no event. */
  readonly knownId: string | undefined;
  /** The furthest checkpoint; 0 if there is none. */
  readonly checkpoint: number;
  /** True if a standby answered. It may be behind, so nothing follows from what it lacks. */
  readonly isStandby: boolean;
}

/** Number of events that are remembered. The older they are, the fewer are kept. */
const KEPT = 128;

/**
 * What this process knows of the log's past: the ids of committed events, by position. If one of them is no longer at
 * its position, the log has lost events, for example because a standby that lacked them was promoted. Positions alone
 * would not show this, because new appends may have reached the same position again.
 */
export class LogHistory {
  #known: KnownEvent[] = [];

  /** The newest known event. */
  get newest(): KnownEvent | undefined {
    return this.#known.at(-1);
  }

  get positions(): number[] {
    return this.#known.map(({ position }) => position);
  }

  /** Records that this event is committed. Events older than the newest one are ignored. */
  saw(position: number, eventId: string): void {
    if (position <= (this.newest?.position ?? 0)) return;
    this.#known.push({ position, eventId });
    if (this.#known.length > KEPT) this.#known = this.#known.filter((_, index) => index >= KEPT / 2 || index % 2 === 0);
  }

  /** The last known position up to which the log is unchanged; 0 if there is none. */
  lastIn(ids: ReadonlyMap<number, string>): number {
    return this.#known.findLast(({ position, eventId }) => ids.get(position) === eventId)?.position ?? 0;
  }
}

/** Explains why appends are refused: the log lacks events up to `lost`. */
export function lostEvents(kept: number, lost: number, end: number): string {
  const again = end > kept ? `, and others were appended after ${kept} instead` : '';
  return (
    `The log has lost events ${kept + 1} to ${lost}, which were committed${again}: it now ends at ${end}. Probably a standby without them was promoted. ` +
    'Stop all servers, run the command restore-epoch, and start them again.'
  );
}

/**
 * The same, if no process remembers the events, but checkpoints are ahead of the log.
 * @param ahead checkpoints past the end of the log, by the names of their rows.
 */
export function checkpointsAhead(
  end: number,
  ahead: readonly { readonly name: string; readonly position: number }[],
): string {
  const furthest = Math.max(...ahead.map(({ position }) => position));
  const shown = ahead.slice(0, SHOWN).map(({ name, position }) => `${nameOf(name)} (${position})`);
  const more = ahead.length > SHOWN ? ` and ${ahead.length - SHOWN} more` : '';
  return (
    `The log ends at ${end}, and these have seen later events: ${shown.join(', ')}${more}. So events ${end + 1} to ${furthest} are lost. ` +
    'Stop all servers, run the command restore-epoch, start them again and rebuild the read models that it names.'
  );
}

/** Maximum number of checkpoints that are named. */
const SHOWN = 20;

/** `process:Shipping` is `process Shipping`, `orders` is `read model orders`. */
function nameOf(row: string): string {
  return row.includes(':') ? row.replace(':', ' ') : `read model ${row}`;
}
