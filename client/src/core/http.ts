import { type Answer, isForeign, isOutdated, isUnauthenticated, type Operation } from './answer.ts';
import { type Credentials, Principal } from './credentials.ts';
import { UnreachableError } from './errors.ts';
import { either } from './pause.ts';
import type { Tokens } from './tokens.ts';

/** The part of the platform's `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Sends requests with the credentials of the moment. */
export interface Http {
  /**
   * Sends a query that waits for what was written and seen. Once, it is sent again without a token that is outdated. It is
   * abandoned when its user has gone.
   */
  query(operation: Operation, caller?: AbortSignal): Promise<Answer>;
  /**
   * Sends an operation; once more with other credentials if these are refused.
   * @throws {UnreachableError}, {@link AfterwriteError} SIGNED_OUT if somebody else is asking by now.
   */
  send(operation: Operation, headers: Headers, principal: Principal, signal?: AbortSignal): Promise<Answer>;
  /** Opens a response for an operation, whatever it is. @throws {UnreachableError} */
  open(
    operation: Operation,
    headers: Headers,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Response>;
}

type Headers = Readonly<Record<string, string>>;

export function createHttp(url: string, fetch: Fetch, credentials: Credentials, tokens: Tokens): Http {
  const open: Http['open'] = async (operation, headers, token, signal) => {
    try {
      return await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: JSON.stringify(operation),
        signal: signal ?? null,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new UnreachableError('The server cannot be reached.', error);
    }
  };
  const send: Http['send'] = async (operation, headers, principal, signal) => {
    const post = async (token: string | undefined) =>
      readAnswer(await open(operation, { accept: ACCEPT, ...headers }, token, signal), signal);
    const token = await principal.present();
    let answer = await post(token);
    const renewed = isUnauthenticated(answer) ? await principal.renewed(token) : undefined;
    if (renewed !== undefined) answer = await post(renewed);
    principal.check();
    return answer;
  };
  return {
    open,
    send,
    query: async (operation, caller) => {
      const principal = new Principal(credentials);
      const signal = either(principal.signedIn, caller);
      const after = (token: string | undefined) => send(operation, readAfter(token), principal, signal);
      const token = await tokens.shared();
      const answer = await after(token);
      if (token === undefined || !isOutdated(answer)) return answer;
      tokens.outdated(token, isForeign(answer));
      return after(tokens.newest);
    },
  };
}

const ACCEPT = 'application/graphql-response+json';
const readAfter = (token: string | undefined): Headers => (token === undefined ? {} : { 'read-after': token });

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
