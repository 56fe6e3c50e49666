import type { Answer } from './answer.ts';
import { keepNewest } from './newest.ts';

/** The text of a token. */
const FORM = /^[-\w]{36}$/;
/** The characters of a token that name the history it belongs to. A restore from a backup begins another history. */
const HISTORY = 23;
/** How many former histories are remembered, so that late answers of theirs are recognised. */
const MOST_LEFT = 16;

export const historyOf = (token: string): string => token.slice(0, HISTORY);

/**
 * The tokens of an answer: its own, and those of its fields, for example of a projection's update. An application may
 * have fields of this name too: what does not belong to the history of the answer is not taken.
 */
export function tokensIn({ data, extensions }: Answer): string[] {
  const own = extensions?.consistency?.token;
  if ((data == null && !extensions?.accepted) || own === undefined || !FORM.test(own)) return [];
  const fields = Object.values((data ?? {}) as Record<string, { token?: unknown } | null>).map((field) => field?.token);
  const isToken = (text: unknown) => typeof text === 'string' && FORM.test(text) && historyOf(text) === historyOf(own);
  return [own, ...(fields.filter(isToken) as string[])];
}

/** What has happened to the newest token. */
export type TokenChange = { readonly saw: string } | { readonly forgot: string };

/** The newest place in the log that a client has written or seen. Tokens of one history compare as text. */
export class Tokens {
  #newest: string | undefined;
  #reign = 0;
  readonly #left = new Set<string>();
  readonly #tell: (change: TokenChange) => void;
  #others: Promise<unknown> = Promise.resolve();

  /** @param tell is called after each change that an answer of the server has made. */
  constructor(tell: (change: TokenChange) => void) {
    this.#tell = tell;
  }

  get newest(): string | undefined {
    return this.#newest;
  }

  /** The newest token, after other tabs had time to tell theirs. */
  async shared(): Promise<string | undefined> {
    await this.#others;
    return this.#newest;
  }

  /** @param others settles when other tabs had time to tell their tokens. */
  waitFor(others: Promise<unknown>): void {
    this.#others = others;
  }

  /** Tokens are comparable only while this number stays the same. */
  get reign(): number {
    return this.#reign;
  }

  /** Takes the token of an answer. Another history replaces the present one, unless it has been left before. */
  answered(token: string): void {
    const history = historyOf(token);
    if (this.#left.has(history)) return;
    const newest = this.#newest;
    if (newest !== undefined && historyOf(newest) !== history) this.#leave(historyOf(newest));
    else if (newest !== undefined && newest >= token) return;
    this.#newest = token;
    this.#tell({ saw: token });
  }

  /** Takes a token that another tab or a former page has seen. Only an answer of the server replaces a history. */
  heard(token: string): void {
    const history = historyOf(token);
    if (this.#left.has(history)) return;
    const newest = this.#newest;
    if (newest === undefined || (historyOf(newest) === history && token > newest)) this.#newest = token;
  }

  /** The server does not know this token. Newer ones of the same history are unknown too. */
  outdated(token: string, isForeign: boolean): void {
    if (isForeign) this.#leave(historyOf(token));
    if (this.drop(token)) this.#tell({ forgot: token });
  }

  /** Forgets the newest token if it is this one or later in the same history. */
  drop(token: string): boolean {
    const newest = this.#newest;
    if (newest === undefined || historyOf(newest) !== historyOf(token) || newest < token) return false;
    this.#newest = undefined;
    this.#reign++;
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    this.#newest = undefined;
    this.#left.clear();
    this.#reign++;
  }

  #leave(history: string): void {
    this.#reign++;
    this.#left.add(history);
    keepNewest(this.#left, MOST_LEFT);
  }
}
