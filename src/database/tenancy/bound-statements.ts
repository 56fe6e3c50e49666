import { type Ask, cancel, type Statement } from '../driver/statement.ts';

/** Sends a statement of somebody, see `Transactions.single`. */
export type SendSingle = (
  whose: unknown,
  asked: readonly unknown[],
  onSent: (statement: Statement) => void,
) => Promise<unknown>;

/** The code of a statement that was cancelled. */
const QUERY_CANCELED = '57014';

/**
 * Makes statements that are each sent on a connection of their own, as somebody's. The first argument says whose it is, the others
 * are those of the driver's `unsafe`. For guards they look like the driver's statements.
 */
export function boundStatements(send: SendSingle): Ask {
  return (whose, ...asked) => new BoundStatement(send, whose, asked);
}

class BoundStatement implements Statement {
  readonly #settled: Promise<unknown>;
  readonly #asked: readonly unknown[];
  /** What the driver sends for it. */
  #sent: Statement | undefined;
  handler: Statement['handler'];
  resolve: Statement['resolve'] = () => undefined;
  reject: Statement['reject'] = () => undefined;
  canceller: Statement['canceller'];
  executed = false;
  isRaw = false;

  constructor(send: SendSingle, whose: unknown, asked: readonly unknown[]) {
    this.#asked = asked;
    this.#settled = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.handler = () => {
      const onSent = (statement: Statement) => {
        this.#sent = this.isRaw ? statement.values() : statement;
      };
      void send(whose, this.#asked, onSent).then(
        (result) => this.resolve(result),
        (error) => this.reject(error),
      );
    };
    this.canceller = async () => {
      if (this.#sent) return cancel(this.#sent);
      this.handler = () => undefined;
      this.reject(
        Object.assign(new Error('canceling statement due to user request'), {
          code: QUERY_CANCELED,
        }),
      );
    };
  }

  get state(): NonNullable<Statement['state']> | null {
    return this.#sent?.state ?? null;
  }

  get active(): boolean {
    return this.#sent?.active === true;
  }

  values(): Statement {
    this.isRaw = true;
    return this;
  }

  // biome-ignore lint/suspicious/noThenProperty: like a statement of the driver, it is sent when somebody awaits it.
  then<A = unknown, B = never>(
    onResult?: ((result: unknown) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (!this.executed) {
      this.executed = true;
      queueMicrotask(() => this.handler(this));
    }
    return this.#settled.then(onResult, onError);
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<unknown | B> {
    return this.then(undefined, onError);
  }
}
