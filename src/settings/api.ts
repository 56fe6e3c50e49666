import { resolve } from 'node:path';
import { count, onlyInDevelopment, setting } from './setting.ts';
import { onOff, origins, text } from './values.ts';

/** The API: what is served and the limits of a request. */
export const apiSettings = {
  corsOrigins: setting(
    'CORS_ORIGINS',
    'Origins, separated by commas, whose pages may call the server from a browser; unset, only its own and, while authentication is off, those of this machine.',
    origins,
    { default: '' },
  ),
  graphiql: setting('GRAPHIQL', 'Whether GraphiQL is served, on or off.', onOff, onlyInDevelopment),
  introspection: setting(
    'INTROSPECTION',
    'Whether clients may ask for the schema, on or off.',
    onOff,
    onlyInDevelopment,
  ),
  trustedDocuments: setting(
    'TRUSTED_DOCUMENTS',
    'Documents whose ids clients may send instead: a file of JSON, { id: text }, or a folder of .graphql files.',
    text.transform((path) => resolve(path)),
  ),
  trustedDocumentsOnly: setting(
    'TRUSTED_DOCUMENTS_ONLY',
    'Whether no other documents are answered if TRUSTED_DOCUMENTS is set, on or off.',
    onOff,
    { default: 'off', productionDefault: 'on' },
  ),
  metrics: setting('METRICS', 'Whether `/metrics` is served, for Prometheus, on or off.', onOff, { default: 'on' }),
  graphqlMaxDepth: count('GRAPHQL_MAX_DEPTH', 12, 'Deepest nesting of fields that an operation may have.'),
  graphqlMaxAliases: count('GRAPHQL_MAX_ALIASES', 30, 'Most aliases that an operation may have.', 0),
  graphqlMaxTokens: count('GRAPHQL_MAX_TOKENS', 2000, 'Most lexical tokens that a GraphQL document may have.'),
  graphqlMaxCost: count(
    'GRAPHQL_MAX_COST',
    50_000,
    'Most cost points of an operation: one a value, two an object, more for large rows, times the sizes of lists.',
  ),
  graphqlMaxDocumentLength: count(
    'GRAPHQL_MAX_DOCUMENT_LENGTH',
    128 * 1024,
    'Longest GraphQL document, in characters.',
    100,
  ),
  graphqlMaxSelections: count(
    'GRAPHQL_MAX_SELECTIONS',
    10_000,
    'Most fields and fragments that a GraphQL document may have once its fragments are expanded.',
  ),
  graphqlDocumentCacheBytes: count(
    'GRAPHQL_DOCUMENT_CACHE_BYTES',
    32 * 1024 * 1024,
    'Memory for parsed and validated GraphQL documents, in bytes.',
    1024,
  ),
  inputMaxListLength: count(
    'INPUT_MAX_LIST_LENGTH',
    1000,
    'Most elements of a list, and fields of an object, in the variables of an operation.',
  ),
  inputMaxStringLength: count(
    'INPUT_MAX_STRING_LENGTH',
    100_000,
    'Longest string in the variables of an operation, in characters.',
    36,
  ),
  inputMaxBytes: count(
    'INPUT_MAX_BYTES',
    1024 * 1024,
    'Most bytes that the variables of an operation may have together.',
    1024,
  ),
  answerMaxBytes: count(
    'ANSWER_MAX_BYTES',
    10_000_000,
    'Most bytes of the answer of an operation, or of a message of a subscription; each value counts at least 128.',
    1000,
  ),
  answerMaxReadBytes: count(
    'ANSWER_MAX_READ_BYTES',
    64 * 1024 * 1024,
    'Most bytes in memory of the rows that are read for an operation, or for a message of a subscription.',
    1000,
  ),
  actorAnswerBytes: count(
    'ACTOR_ANSWER_BYTES',
    128 * 1024 * 1024,
    'Most bytes of the large answers of one actor that are under way, with the rows that are read for them.',
    1024 * 1024,
    100_000_000_000,
  ),
  totalAnswerBytes: count(
    'TOTAL_ANSWER_BYTES',
    512 * 1024 * 1024,
    'Most bytes of all large answers that are under way, with the rows that are read for them.',
    1024 * 1024,
    100_000_000_000,
  ),
  maxBodyBytes: count('MAX_BODY_BYTES', 2 * 1024 * 1024, 'Largest body of an HTTP request, in bytes.', 1024),
  subscriptionsPerConnection: count(
    'SUBSCRIPTIONS_PER_CONNECTION',
    100,
    'Most subscriptions that one WebSocket connection may hold.',
  ),
};
