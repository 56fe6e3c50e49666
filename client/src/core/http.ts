import { type Answer, isForeign, isOutdated, isUnauthenticated, type Operation } from './answer.ts';
import { type Credentials, Principal } from './credentials.ts';
import { UnreachableError } from './errors.ts';
import { either } from './pause.ts';
import type { Tokens } from './tokens.ts';

/** The part of the platform's `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Sends requests with the credentials of the moment. */
export class Http {
  readonly #url: string;
  readonly #fetch: Fetch;
  readonly #credentials: Credentials;
  readonly #tokens: Tokens;

  constructor(url: string, fetch: Fetch, credentials: Credentials, tokens: Tokens) {
    this.#url = url;
    this.#fetch = fetch;
    this.#credentials = credentials;
    this.#tokens = tokens;
  }

  /**
   * Sends a query that waits for what was written and seen. Once, it is sent again without a token that is outdated. It is
   * abandoned when its user has gone.
   */
  async query(operation: Operation, caller?: AbortSignal): Promise<Answer> {
    const principal = new Principal(this.#credentials);
    const signal = either(principal.signedIn, caller);
    const token = await this.#tokens.shared();
    const answer = await this.send(operation, readAfter(token), principal, signal);
    if (token === undefined || !isOutdated(answer)) return answer;
    this.#tokens.outdated(token, isForeign(answer));
    return this.send(operation, readAfter(this.#tokens.newest), principal, signal);
  }

  /**
   * Sends an operation; once more with other credentials if these are refused.
   * @throws {UnreachableError}, {@link AfterwriteError} SIGNED_OUT if somebody else is asking by now.
   */
  async send(
    operation: Operation,
    headers: Readonly<Record<string, string>>,
    principal: Principal,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const token = await principal.present();
    let answer = await this.#post(operation, headers, token, signal);
    const renewed = isUnauthenticated(answer) ? await principal.renewed(token) : undefined;
    if (renewed !== undefined) answer = await this.#post(operation, headers, renewed, signal);
    principal.check();
    return answer;
  }

  /** Opens a response for an operation, whatever it is. @throws {UnreachableError} */
  async open(
    operation: Operation,
    headers: Readonly<Record<string, string>>,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    try {
      return await this.#fetch(this.#url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: JSON.stringify(operation),
        ...(signal && { signal }),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new UnreachableError('The server cannot be reached.', error);
    }
  }

  async #post(
    operation: Operation,
    headers: Readonly<Record<string, string>>,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const accept = 'application/graphql-response+json, application/json;q=0.9';
    const response = await this.open(operation, { accept, ...headers }, token, signal);
    return readAnswer(response, signal);
  }
}

const readAfter = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { 'read-after': token };

/** The answer in a response. @throws {UnreachableError} if it has none, for example because a proxy answers. */
export async function readAnswer(response: Response, signal?: AbortSignal): Promise<Answer> {
  try {
    const answer: Answer | null = await response.json();
    if (answer?.data !== undefined || Array.isArray(answer?.errors)) return answer as Answer;
  } catch (error) {
    if (signal?.aborted) throw error;
  }
  throw new UnreachableError(`The answer with status ${response.status} is not one of GraphQL.`);
}
