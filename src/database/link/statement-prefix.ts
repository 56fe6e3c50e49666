import { message } from './messages.ts';

/** A statement that is executed before another one, in the same transaction and without a round trip of its own. */
export interface StatementPrefix {
  /** Prepares it for {@link execute}. */
  readonly prepare: Buffer;
  readonly execute: Buffer;
  /** Parses and executes it, and leaves nothing on the connection. */
  readonly executeOnce: Buffer;
}

/** The prefix of the statements that a client sends now. */
export class CurrentPrefix {
  #current: StatementPrefix | undefined;

  /** Undefined if they have none. */
  get current(): StatementPrefix | undefined {
    return this.#current;
  }

  /** Call it only while the client waits for nothing. */
  become(prefix: StatementPrefix | undefined): void {
    this.#current = prefix;
  }
}

/**
 * A prefix that executes a statement with one parameter of type `text`. Its rows are dropped.
 * @param name of the prepared statement, which no other prefix has.
 */
export function statementPrefix(name: string, sql: string, value: string): StatementPrefix {
  const bytes = Buffer.from(value);
  const parse = (as: string) => message('P', as, sql, Buffer.concat([uint16(1), uint32(OID_OF_TEXT)]));
  const bind = (of: string) =>
    message('B', '', of, Buffer.concat([uint16(0), uint16(1), uint32(bytes.length), bytes, uint16(0)]));
  const execute = message('E', '', uint32(0));
  return {
    prepare: parse(name),
    execute: Buffer.concat([bind(name), execute]),
    executeOnce: Buffer.concat([parse(''), bind(''), execute]),
  };
}

const OID_OF_TEXT = 25;
const NOTHING = Buffer.alloc(0);

const codeOf = (type: string) => type.charCodeAt(0);
const [PARSE, BIND, SYNC, ERROR] = ['P', 'B', 'S', 'E'].map(codeOf);
/** Messages that Postgres sends at any time, about the session: notices, settings, notifications. */
const ANY_TIME: ReadonlySet<number | undefined> = new Set(['N', 'S', 'A'].map(codeOf));
/** What Postgres answers to each form of a prefix, in messages. */
const [PREPARED, EXECUTED] = [1, 3];
/** Type and length. */
const HEAD_BYTES = 5;

/**
 * Sends the prefix before each statement that the driver sends with the extended protocol, and keeps what Postgres answers to it from
 * the driver. Both are executed in one transaction, which Postgres ends when it has read the driver's `Sync`: so what the prefix sets
 * for the transaction holds for this statement and for no other, and a pooler sends both to the same session.
 *
 * The prefix must change only while the driver waits for nothing on the connection.
 *
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export class PrefixedMessages {
  readonly #prefix: Pick<CurrentPrefix, 'current'>;
  /** The driver has begun a statement, and has not sent its `Sync`. */
  #isInStatement = false;
  /** Whether the prefix is a prepared statement here. If that fails once, it is not tried again: a pooler may be in between. */
  #prepared: 'not yet' | 'yes' | 'never' = 'not yet';
  /** Messages of Postgres that the driver must not see. */
  #toDrop = 0;
  /** The beginning of a message whose rest has not arrived. */
  #held: Buffer = NOTHING;
  /** Bytes that are still to come of a message whose beginning was passed on. */
  #toPass = 0;

  constructor(prefix: Pick<CurrentPrefix, 'current'>) {
    this.#prefix = prefix;
  }

  /** @param bytes whole messages of the driver. @returns what to send. */
  sent(bytes: Buffer): Buffer {
    const prefix = this.#prefix.current;
    if (!prefix) return bytes;
    const parts: Buffer[] = [];
    let from = 0;
    for (let at = 0; at + HEAD_BYTES <= bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
      const type = bytes[at];
      if (type === SYNC) this.#isInStatement = false;
      if (this.#isInStatement || (type !== PARSE && type !== BIND)) continue;
      this.#isInStatement = true;
      parts.push(bytes.subarray(from, at), this.#take(prefix, isNamed(bytes, at)));
      from = at;
    }
    return parts.length === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(from)]);
  }

  /**
   * @param isNamed whether the driver's statement is a prepared one: only then the connection is known to keep them.
   * @returns what to send.
   */
  #take({ prepare, execute, executeOnce }: StatementPrefix, isNamed: boolean): Buffer {
    if (!isNamed || this.#prepared === 'never') {
      this.#toDrop += PREPARED + EXECUTED;
      return executeOnce;
    }
    const isNew = this.#prepared === 'not yet';
    this.#prepared = 'yes';
    this.#toDrop += EXECUTED + (isNew ? PREPARED : 0);
    return isNew ? Buffer.concat([prepare, execute]) : execute;
  }

  /** @param bytes what Postgres has sent. @returns what the driver gets of it. */
  received(bytes: Buffer): Buffer {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = NOTHING;
    const parts: Buffer[] = [];
    let from = 0;
    let at = Math.min(this.#toPass, all.length);
    this.#toPass -= at;
    while (at < all.length) {
      const left = all.length - at;
      const length = left < HEAD_BYTES ? Number.POSITIVE_INFINITY : 1 + all.readUInt32BE(at + 1);
      const isDropped = this.#toDrop > 0 && !ANY_TIME.has(all[at]);
      if (left < HEAD_BYTES || (isDropped && left < length)) {
        this.#held = all.subarray(at);
        parts.push(all.subarray(from, at));
        return joined(parts);
      }
      if (isDropped && all[at] === ERROR) {
        // Postgres skips the rest up to `Sync`. The driver's statement has failed.
        this.#toDrop = 0;
        this.#prepared = 'never';
      } else if (isDropped) {
        parts.push(all.subarray(from, at));
        from = at + length;
        this.#toDrop--;
      }
      this.#toPass = Math.max(0, length - left);
      at += Math.min(length, left);
    }
    return parts.length === 0 ? all : joined([...parts, all.subarray(from)]);
  }
}

/** Whether the driver's `Parse` or `Bind` is of a prepared statement. It names no portals. */
function isNamed(bytes: Buffer, at: number): boolean {
  return bytes[at + HEAD_BYTES + (bytes[at] === BIND ? 1 : 0)] !== 0;
}

function joined(parts: readonly Buffer[]): Buffer {
  const [only = NOTHING, ...others] = parts.filter(({ length }) => length > 0);
  return others.length === 0 ? only : Buffer.concat([only, ...others]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
