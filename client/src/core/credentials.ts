/**
 * Returns the access token to send, or nothing for an anonymous caller. It is asked before each request, so it should
 * remember the token.
 * @param rejected the token that the server has just refused: return another one, or nothing if there is none.
 */
export type Auth = (rejected?: string) => AccessToken | Promise<AccessToken>;
export type AccessToken = string | null | undefined;

/** Who is asking, and with what. */
export class Credentials {
  readonly #auth: Auth;
  readonly #changed: () => void;
  #identity: string | undefined;
  #renewal: { readonly rejected: string; readonly token: Promise<string | undefined> } | undefined;

  /** @param changed is called if somebody else is asking than before. */
  constructor(auth: Auth, changed: () => void) {
    this.#auth = auth;
    this.#changed = changed;
  }

  /** Who was asking last: the subject of the access token, as far as it can be read; empty for nobody. */
  get identity(): string {
    return this.#identity ?? '';
  }

  /** The access token for the next request. */
  async present(): Promise<string | undefined> {
    return this.#take((await this.#auth()) ?? undefined);
  }

  /** An access token in place of one that the server refuses; undefined if there is none. Asks once for all requests. */
  async renewed(rejected: string | undefined): Promise<string | undefined> {
    if (rejected === undefined) return undefined;
    const present = await this.present();
    if (present !== rejected) return present;
    if (this.#renewal?.rejected !== rejected) {
      const token = Promise.resolve(this.#auth(rejected)).then((renewed) => renewed ?? undefined);
      const renewal = { rejected, token };
      const forget = () => {
        if (this.#renewal === renewal) this.#renewal = undefined;
      };
      token.then(forget, forget);
      this.#renewal = renewal;
    }
    const renewed = this.#take(await this.#renewal?.token);
    return renewed === rejected ? undefined : renewed;
  }

  #take(token: string | undefined): string | undefined {
    const identity = identityOf(token);
    const former = this.#identity;
    this.#identity = identity;
    if (former !== undefined && former !== identity) this.#changed();
    return token;
  }
}

/** The subject of a JSON Web Token, which stays when it is renewed; any other token stands for itself. */
function identityOf(token: string | undefined): string {
  if (!token) return '';
  try {
    const claims = JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')));
    return typeof claims.sub === 'string' ? claims.sub : token;
  } catch {
    return token;
  }
}
