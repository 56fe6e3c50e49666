/** The answer to an operation over HTTP. */
export interface Answer<Data> {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it came. */
  readonly text: string;
  readonly data: Data;
  readonly errors: readonly AnsweredError[] | undefined;
  /** The code of the first error, if there was one. */
  readonly code: string | undefined;
  readonly consistency: { readonly token: string; readonly stale?: boolean };
}

export interface AnsweredError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly [fact: string]: unknown };
}

export interface QueryOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  readonly operationName?: string;
  readonly signal?: AbortSignal;
}

export interface CommandOptions extends QueryOptions {
  readonly commandId?: string | null;
  readonly expectedVersion?: number | null;
  /** Fields of the receipt's `query`. */
  readonly query?: string;
}

/** What a command may answer, with the fields of all of its types. */
export interface CommandAnswer<Query = unknown> {
  readonly __typename: string;
  readonly commandId: string;
  readonly aggregateId: string;
  readonly version: number;
  readonly token: string;
  readonly replayed: boolean;
  readonly query: Query;
  readonly code: string;
  readonly message: string;
  readonly issues: readonly { readonly path: readonly string[]; readonly message: string }[];
  readonly expectedVersion: number;
  readonly actualVersion: number;
}

/** A small client of the API over HTTP, that looks at answers without judging them. */
export class HttpClient {
  readonly #url: () => string;

  constructor(url: () => string) {
    this.#url = url;
  }

  /** Sends an operation. */
  query<Data = Record<string, unknown>>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    { operationName, ...options }: QueryOptions = {},
  ): Promise<Answer<Data>> {
    return this.post(JSON.stringify({ query, variables, operationName }), options);
  }

  /** Sends a body, whatever it is. */
  post<Data = Record<string, unknown>>(
    body: string | Uint8Array<ArrayBuffer>,
    options: QueryOptions = {},
  ): Promise<Answer<Data>> {
    return this.send({ method: 'POST', body, headers: { 'content-type': 'application/json' } }, options);
  }

  /** Sends a request to the API, `search` included. */
  async send<Data = Record<string, unknown>>(
    init: RequestInit & { readonly search?: string },
    { headers, token, signal }: QueryOptions = {},
  ): Promise<Answer<Data>> {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${this.#url()}/graphql${init.search ?? ''}`, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), ...authorization, ...headers },
      signal: signal ?? null,
    });
    const text = await response.text();
    const body = readJson(text);
    return {
      status: response.status,
      headers: response.headers,
      text,
      data: body.data as Data,
      errors: body.errors,
      code: body.errors?.[0]?.extensions?.code,
      consistency: body.extensions?.consistency ?? { token: '' },
    };
  }

  /** Issues a command with its input in a variable, and expects an answer without errors. */
  async command<Query = unknown>(
    name: string,
    input: Readonly<Record<string, unknown>>,
    options: CommandOptions = {},
  ): Promise<CommandAnswer<Query>> {
    const answer = await this.tryCommand<Query>(name, input, options);
    const outcome = answer.data?.[name];
    if (answer.errors || !outcome) throw new Error(`${name} was answered ${answer.text}`);
    return outcome;
  }

  /** The same, for what may go wrong. */
  tryCommand<Query = unknown>(
    name: string,
    input: unknown,
    { commandId, expectedVersion, query, ...options }: CommandOptions = {},
  ): Promise<Answer<Record<string, CommandAnswer<Query>> | null | undefined>> {
    return this.query(mutationOf(name, query), { input, commandId, expectedVersion }, options);
  }
}

/** The document of a mutation that asks for everything that may be answered. */
export function mutationOf(name: string, query?: string): string {
  return `mutation ($input: ${inputTypeOf(name)}!, $commandId: ID, $expectedVersion: Int) {
    ${name}(input: $input, commandId: $commandId, expectedVersion: $expectedVersion) { ${outcomeFields(query)} }
  }`;
}

/** Everything that a command may answer. */
export function outcomeFields(query?: string): string {
  return `__typename
    ... on CommandReceipt { commandId aggregateId version token replayed ${query ? `query { ${query} }` : ''} }
    ... on Error { code message }
    ... on ValidationError { issues { path message } }
    ... on ConcurrencyConflict { expectedVersion actualVersion }
    ... on AggregateNotFound { aggregateId }
    ... on CommandIdReused { commandId }`;
}

/** The contract's name of a mutation's input. */
export function inputTypeOf(mutation: string): string {
  if (['confirmOrder', 'confirmDelivery'].includes(mutation)) return 'OrderInput';
  if (['deposit', 'withdraw'].includes(mutation)) return 'AccountAmountInput';
  if (['archiveNote', 'restoreNote'].includes(mutation)) return 'NoteInput';
  if (mutation === 'untagNote') return 'TagNoteInput';
  return `${mutation[0]?.toUpperCase()}${mutation.slice(1)}Input`;
}

interface Body {
  readonly data?: unknown;
  readonly errors?: readonly AnsweredError[];
  readonly extensions?: { readonly consistency?: { readonly token: string; readonly stale?: boolean } };
}

function readJson(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {};
  }
}
