import type postgres from 'postgres';
import { CurrentPrefix, type StatementPrefix } from '../link/statement-prefix.ts';
import type { Ask, Statement } from './statement.ts';

/** Parts of the driver's client that Drizzle uses in a transaction. */
export interface Inside {
  readonly options: unknown;
  unsafe(...asked: unknown[]): PromiseLike<unknown>;
  savepoint(work: (inside: Inside) => unknown): Promise<unknown>;
}

/** Opens a client with one connection, and calls back when that has ended. */
type OpenOwn = (onClose: () => void, prefix: CurrentPrefix) => postgres.Sql;

/** A client with one connection. */
interface Own {
  readonly client: postgres.Sql;
  /** What is executed before its statements. */
  readonly prefix: CurrentPrefix;
  /** Its connection existed and has ended. */
  isLost: boolean;
  isBusy: boolean;
  /** The statements of the running transaction. */
  asked: Statement[];
}

/**
 * Transactions in the form that Drizzle expects, each on a connection of its own. If the connection is lost, the
 * transaction fails. The driver's own transactions continue to use the connection after that: their next statement ends
 * the process with an exception that nobody can catch, or is sent on the next connection, outside any transaction.
 *
 * https://github.com/porsager/postgres/issues/1154, https://github.com/porsager/postgres/issues/1208,
 * https://github.com/porsager/postgres/issues/1216
 */
export class Transactions {
  readonly #open: OpenOwn;
  readonly #all = new Set<Own>();
  #isClosed = false;

  /** @param open is given the prefix of the connection's statements too, for {@link single}. */
  constructor(open: OpenOwn) {
    this.#open = open;
  }

  /**
   * Runs work in a transaction.
   * @param begin how it begins: statements without parameters.
   * @returns its result.
   */
  async begin(work: (inside: Inside) => unknown, begin = 'begin'): Promise<unknown> {
    const own = this.#take();
    const ask = (...asked: unknown[]): PromiseLike<unknown> => this.#ask(own, asked) ?? Promise.reject(lost());
    const inside: Inside = {
      options: own.client.options,
      unsafe: ask,
      savepoint: (part) => savepoint(ask, inside, part),
    };
    try {
      await ask(begin);
      const answer = await work(inside);
      const ended = (await ask('commit')) as { readonly command?: string };
      // A statement had failed, and the caller ignored the error.
      if (ended.command === 'ROLLBACK')
        throw new Error('The transaction was rolled back, because a statement in it failed.');
      return answer;
    } catch (error) {
      await Promise.resolve(ask('rollback')).catch(() => undefined);
      throw error;
    } finally {
      this.#leave(own);
    }
  }

  /**
   * Sends one statement on a connection that it has to itself.
   * @param prefix what is executed before it, in the same transaction.
   * @param onSent receives the statement, to observe and to cancel it.
   * @returns the statement's result, once it is committed.
   */
  async single(
    prefix: StatementPrefix,
    asked: readonly unknown[],
    onSent: (statement: Statement) => void,
  ): Promise<unknown> {
    const own = this.#take();
    own.prefix.become(prefix);
    try {
      // By default, the driver sends statements without parameters by the simple protocol, which takes no prefix.
      const [text, parameters = [], options] = asked;
      const statement = this.#ask(own, [text, parameters, { ...(options as object | undefined), simple: false }]);
      if (!statement) throw lost();
      onSent(statement);
      return await statement;
    } finally {
      // If the connection is lost, the driver may send the statement on the next one, of nobody then.
      own.prefix.become(undefined);
      this.#leave(own);
    }
  }

  /** Waits at most this long for running transactions, then cuts them off. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#all].map(({ client }) => client.end({ timeout: timeoutMs / 1000 })));
  }

  /** @returns undefined if the connection is lost. */
  #ask(own: Own, asked: readonly unknown[]): Statement | undefined {
    if (own.isLost) return undefined;
    const statement = (own.client.unsafe as unknown as Ask)(...asked);
    own.asked.push(statement);
    return statement;
  }

  #leave(own: Own): void {
    own.isBusy = false;
    own.asked = [];
    if (own.isLost) this.#drop(own);
  }

  #take(): Own {
    if (this.#isClosed) throw fault('CONNECTION_ENDED', 'The connections are closed.');
    for (const own of this.#all) {
      if (own.isBusy || own.isLost) continue;
      own.isBusy = true;
      return own;
    }
    const prefix = new CurrentPrefix();
    const client = this.#open(() => {
      own.isLost = true;
      // The driver forgets statements that it receives at this very moment.
      for (const { executed, reject } of own.asked) if (executed) reject(lost());
      if (!own.isBusy) this.#drop(own);
    }, prefix);
    const own: Own = { client, prefix, isLost: false, isBusy: true, asked: [] };
    this.#all.add(own);
    return own;
  }

  /** Drops the client: the driver's state of a lost connection would break the next one. */
  #drop(own: Own): void {
    this.#all.delete(own);
    void own.client.end({ timeout: 0 }).catch(() => undefined);
  }
}

let savepoints = 0;

async function savepoint(ask: Inside['unsafe'], inside: Inside, part: (inside: Inside) => unknown): Promise<unknown> {
  const name = `s${savepoints++}`;
  await ask(`savepoint ${name}`);
  try {
    const answer = await part(inside);
    await ask(`release savepoint ${name}`);
    return answer;
  } catch (error) {
    await ask(`rollback to savepoint ${name}`);
    throw error;
  }
}

function lost(): Error {
  return fault('CONNECTION_CLOSED', 'The connection was lost in the midst of a transaction.');
}

/** An error in the form of the driver's. */
function fault(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
