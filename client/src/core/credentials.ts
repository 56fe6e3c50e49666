import { AfterwriteError, UnreachableError } from './errors.ts';

/**
 * Returns the access token to send, or nothing for an anonymous caller. It is asked before each request, so it should
 * remember the token. If it rejects, it is asked again later, as if the server could not be reached.
 * @param rejected the token that the server has just refused: return another one, or nothing if there is none.
 */
export type Auth = (rejected?: string) => AccessToken | Promise<AccessToken>;
export type AccessToken = string | null | undefined;

/** An access token and whose it is: its subject, as far as it can be read; empty for nobody. */
export interface Presented {
  readonly token: string | undefined;
  readonly identity: string;
}

/** Who is asking, and with what. */
export class Credentials {
  readonly #auth: Auth;
  readonly #changed: (identity: string, former: string | undefined) => void;
  #identity: string | undefined;
  #present = new AbortController();
  #renewal: { readonly rejected: string; readonly token: Promise<string | undefined> } | undefined;
  /** The newest token that replaces another one, if its own text does not say whose it is. */
  #successor: Presented | undefined;
  /** Number of the newest question to the application, and of the newest one that was answered. */
  #asked = 0;
  #answered = 0;

  /** @param changed is called if somebody else is asking than before. `former` is undefined if nobody was known. */
  constructor(auth: Auth, changed: (identity: string, former: string | undefined) => void) {
    this.#auth = auth;
    this.#changed = changed;
  }

  /** Who was asking last; undefined if that is not known. */
  get identity(): string | undefined {
    return this.#identity;
  }

  /** Aborted when the present user signs out, or the client is closed. */
  get signedIn(): AbortSignal {
    return this.#present.signal;
  }

  /** The present user has gone. Requests that follow are of another user. @param reason for what is not answered yet. */
  signOut(reason: AfterwriteError): void {
    this.#identity = undefined;
    this.#present.abort(reason);
    this.#present = new AbortController();
  }

  /** The access token for the next request. @throws {UnreachableError} if the application cannot tell. */
  async present(): Promise<Presented> {
    const nth = ++this.#asked;
    return this.#take(await this.#ask(), nth);
  }

  /**
   * An access token in place of one that the server refuses; undefined if there is none. Asks once for all requests.
   * @throws {UnreachableError} if the application cannot tell.
   */
  async renewed(rejected: string | undefined): Promise<Presented | undefined> {
    if (rejected === undefined) return undefined;
    const present = await this.present();
    if (present.token !== rejected) return present.token === undefined ? undefined : present;
    if (this.#renewal?.rejected !== rejected) {
      const renewal = { rejected, token: this.#ask(rejected) };
      const forget = () => {
        if (this.#renewal === renewal) this.#renewal = undefined;
      };
      renewal.token.then(forget, forget);
      this.#renewal = renewal;
    }
    const nth = ++this.#asked;
    const token = await this.#renewal.token;
    if (token === undefined || token === rejected) {
      this.#take(token, nth);
      return undefined;
    }
    if (subjectOf(token) === undefined && subjectOf(rejected) === undefined) {
      this.#successor = { token, identity: present.identity };
    }
    return this.#take(token, nth);
  }

  async #ask(rejected?: string): Promise<string | undefined> {
    try {
      return (await this.#auth(rejected)) || undefined;
    } catch (error) {
      throw new UnreachableError('`auth` has failed: nobody can tell who is asking.', error);
    }
  }

  #take(token: string | undefined, nth: number): Presented {
    const identity = this.#successor?.token === token ? this.#successor?.identity : undefined;
    const presented = { token, identity: identity ?? subjectOf(token) ?? digestOf(token ?? '') };
    // A late answer of the application says who was there, not who is.
    if (nth < this.#answered) return presented;
    this.#answered = nth;
    const former = this.#identity;
    this.#identity = presented.identity;
    if (former !== presented.identity) this.#changed(presented.identity, former);
    return presented;
  }
}

/**
 * Who an operation is executed for, from its beginning to its end. It is not sent as anybody else, and its answer is
 * not given to anybody else.
 */
export class Principal {
  readonly #credentials: Credentials;
  /** Aborted when this user signs out, or the client is closed. */
  readonly signedIn: AbortSignal;
  #identity: string | undefined;

  /** @param identity of the user; by default the user of the first request. */
  constructor(credentials: Credentials, identity?: string) {
    this.#credentials = credentials;
    this.signedIn = credentials.signedIn;
    this.#identity = identity;
  }

  /** The access token for the next attempt. @throws {UnreachableError}, {@link AfterwriteError} SIGNED_OUT */
  async present(): Promise<string | undefined> {
    return this.#own(await this.#credentials.present());
  }

  /** An access token in place of a refused one, or undefined. @throws {UnreachableError}, {@link AfterwriteError} SIGNED_OUT */
  async renewed(rejected: string | undefined): Promise<string | undefined> {
    const renewed = await this.#credentials.renewed(rejected);
    return renewed && this.#own(renewed);
  }

  /** @throws {AfterwriteError} SIGNED_OUT if somebody else is asking by now. */
  check(): void {
    this.signedIn.throwIfAborted();
    if (this.#credentials.identity !== this.#identity) throw signedOut();
  }

  #own({ token, identity }: Presented): string | undefined {
    this.signedIn.throwIfAborted();
    this.#identity ??= identity;
    if (identity !== this.#identity) throw signedOut();
    return token;
  }
}

/** What a request rejects with if its user has gone. */
export const signedOut = (): AfterwriteError =>
  new AfterwriteError('SIGNED_OUT', 'The user has gone before there was an answer.');

/** The subject of a JSON Web Token, which stays when it is renewed. Any other token stands for itself. */
function subjectOf(token: string | undefined): string | undefined {
  try {
    const claims = JSON.parse(atob((token?.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')));
    return typeof claims.sub === 'string' ? claims.sub : undefined;
  } catch {
    return undefined;
  }
}

/** Tells tokens apart that name nobody. Identities are stored and shared, and tokens must not be. */
function digestOf(token: string): string {
  if (token === '') return '';
  let [one, other] = [0x811c9dc5, 0x1b873593];
  for (let at = 0; at < token.length; at++) {
    one = Math.imul(one ^ token.charCodeAt(at), 0x01000193);
    other = Math.imul(other ^ token.charCodeAt(at), 0x85ebca6b);
  }
  return `${(one >>> 0).toString(36)}-${(other >>> 0).toString(36)}`;
}
