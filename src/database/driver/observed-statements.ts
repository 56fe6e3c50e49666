import { type Guard, intercept, type Statement } from './statement.ts';

/** The session that a statement was sent to. */
export interface Backend {
  readonly pid: number;
  /** Identifies the session together with `pid`. */
  readonly secret: number;
}

/** A statement as the driver knows it at the moment. */
export class ObservedStatement {
  readonly #statement: Statement;

  constructor(statement: Statement) {
    this.#statement = statement;
  }

  /** The session that it was sent to; undefined while it waits for a connection. */
  get backend(): Backend | undefined {
    const { state } = this.#statement;
    return state ? { pid: Number(state.pid), secret: Number(state.secret) } : undefined;
  }

  /** True if Postgres is working on it: everything sent before it on the same connection has been answered. */
  get isActive(): boolean {
    return this.#statement.active === true;
  }
}

/** The stages of a statement. */
export interface StatementEvents {
  /** It is given to the driver, which sends it when a connection is free. May be called again if it is sent again. */
  sent(): void;
  /** The driver also calls this for statements that it has rejected with a lost connection. */
  answered(): void;
  failed(error: unknown): void;
}

/**
 * Tells what happens to each statement. The driver itself waits for an answer without end, and does not say what it is
 * waiting for: a caller who does not want to wait so long cannot find out which connection is silent.
 *
 * https://github.com/porsager/postgres/issues/1089
 * @param begin called with each statement before it is sent.
 */
export function observed(begin: (statement: ObservedStatement) => StatementEvents): Guard {
  return (ask) =>
    (...asked) => {
      const statement = ask(...asked);
      const events = begin(new ObservedStatement(statement));
      const driver = intercept(statement, {
        handler: (sent) => {
          events.sent();
          return driver.handler(sent);
        },
        resolve: (result) => {
          events.answered();
          driver.resolve(result);
        },
        reject: (error) => {
          events.failed(error);
          driver.reject(error);
        },
      });
      return statement;
    };
}
