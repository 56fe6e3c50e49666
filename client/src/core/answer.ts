/** Variables of an operation, by name. */
export type Variables = Readonly<Record<string, unknown>>;

/** An error of a GraphQL answer. Programs look only at `extensions.code`. */
export interface AnswerError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: { readonly code?: string; readonly retryAfterMs?: number; readonly [fact: string]: unknown };
}

/** How fresh an answer is. */
export interface Consistency {
  /** A place in the log that the data includes. */
  readonly token: string;
  /** True if a part of the data lacks events. */
  readonly stale?: boolean;
}

/** An accepted command whose receipt has no place in the data, because what it reads has failed. */
export interface Accepted {
  /** The name of the mutation's field in the answer. */
  readonly field: string;
  readonly commandId: string;
  readonly aggregateId: string;
  readonly version: number;
  readonly token: string;
  readonly replayed: boolean;
}

/** A GraphQL answer, or a message of a subscription. */
export interface Answer<Data = unknown> {
  readonly data?: Data | null;
  readonly errors?: readonly AnswerError[];
  readonly extensions?: {
    readonly consistency?: Consistency;
    readonly accepted?: readonly Accepted[];
    readonly [name: string]: unknown;
  };
}

/** An operation as it is sent. */
export interface Operation {
  readonly query: string;
  readonly variables: Variables;
  readonly operationName?: string | undefined;
}

/** A document: its text, a `String` of graphql-codegen, or what it is parsed to. */
export type Document = string | TextObject | ParsedDocument;

/** A `String`. */
interface TextObject {
  valueOf(): string;
}
/** Some libraries keep the text of what they parse. */
interface ParsedDocument {
  readonly definitions: readonly { readonly kind: string; readonly operation?: string }[];
  readonly loc?: { readonly source: { readonly body: string } } | undefined;
}

/** The same operation, sent again, may get an answer later. */
const PASSING = ['THROTTLED', 'OUTCOME_UNKNOWN', 'TIMEOUT', 'CONSISTENCY_TIMEOUT', 'INTERNAL_SERVER_ERROR'];

export const mayPass = (code = ''): boolean => PASSING.includes(code);

/** A document that knows the types of its data and variables, as graphql-codegen and gql.tada make them. */
export interface Typed<Data, Given> {
  readonly __apiType?: (variables: Given) => Data;
}

/** The codes of a token that the server does not know any more, for example after a restore from a backup. */
const OUTDATED = ['FOREIGN_TOKEN', 'TOKEN_AHEAD', 'INVALID_TOKEN'];

export const codesOf = ({ errors = [] }: Answer): readonly (string | undefined)[] =>
  errors.map(({ extensions }) => extensions?.code);

export const isOutdated = (answer: Answer): boolean => codesOf(answer).some((code) => OUTDATED.includes(code ?? ''));

/** True if nothing of the history of an outdated token is known, not only what comes after its end. */
export const isForeign = (answer: Answer): boolean => !codesOf(answer).includes('TOKEN_AHEAD');

/** True if the server refuses the credentials: none, invalid or expired. */
export const isUnauthenticated = (answer: Answer): boolean =>
  answer.data == null && codesOf(answer).includes('UNAUTHENTICATED');
