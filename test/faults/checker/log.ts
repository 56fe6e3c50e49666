import { TokenError, Tokens } from '../../../src/kernel/consistency/token.ts';
import type { StreamName } from '../history.ts';
import type { Evidence, LoggedEvent, StoredReceipt } from './evidence.ts';

/** The evidence's log, to look things up in. */
export class Log {
  /** Its last position. */
  readonly head: number;
  readonly #byCommand: ReadonlyMap<string, readonly LoggedEvent[]>;
  readonly #byStream: ReadonlyMap<string, readonly LoggedEvent[]>;
  readonly #receipts: ReadonlyMap<string, readonly StoredReceipt[]>;
  readonly #tokens: Tokens;

  constructor({ events, receipts, epoch }: Evidence) {
    this.head = events.at(-1)?.position ?? 0;
    this.#byCommand = Map.groupBy(events, ({ commandId }) => commandId);
    this.#byStream = Map.groupBy(events, ({ stream }) => nameOf(stream));
    this.#receipts = Map.groupBy(receipts, ({ commandId }) => commandId);
    this.#tokens = new Tokens(epoch);
  }

  /** The commands in it. */
  get commandIds(): ReadonlySet<string> {
    return new Set([...this.#byCommand.keys(), ...this.#receipts.keys()]);
  }

  /** True if the application issued a command because of something earlier in the log. */
  isConsequence(commandId: string): boolean {
    const records = [...this.eventsOf(commandId), ...this.receiptsOf(commandId)];
    return records.every(({ cause, position }) => cause !== undefined && cause <= position);
  }

  eventsOf(commandId: string): readonly LoggedEvent[] {
    return this.#byCommand.get(commandId) ?? [];
  }

  receiptsOf(commandId: string): readonly StoredReceipt[] {
    return this.#receipts.get(commandId) ?? [];
  }

  eventsIn(stream: StreamName): readonly LoggedEvent[] {
    return this.#byStream.get(nameOf(stream)) ?? [];
  }

  /** A stream's version when the log's end was at a position. */
  versionAt(stream: StreamName, position: number): number {
    return this.eventsIn(stream).findLast((event) => event.position <= position)?.version ?? 0;
  }

  /** A stream's last version. */
  versionOf(stream: StreamName): number {
    return this.eventsIn(stream).at(-1)?.version ?? 0;
  }

  /** The position of a token; NaN if it belongs to another store, which `checkTokens` finds. */
  positionOf(token: string): number {
    try {
      return this.#tokens.decode(token);
    } catch (error) {
      if (error instanceof TokenError) return Number.NaN;
      throw error;
    }
  }

  /** The highest position of some tokens; 0 if there is none. */
  furthest(tokens: readonly string[]): number {
    return tokens.reduce((furthest, token) => Math.max(furthest, this.positionOf(token)), 0);
  }
}

/** A stream's name as one word. */
export function nameOf({ type, id }: StreamName): string {
  return `${type}/${id}`;
}
