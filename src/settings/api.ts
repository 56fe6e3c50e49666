import { resolve } from 'node:path';
import { count, onlyInDevelopment, optionalCount, setting } from './setting.ts';
import { oneOf, onOff, origins, text } from './values.ts';

/** The API: what is served and the limits of a request. */
export const apiSettings = {
  corsOrigins: setting(
    'CORS_ORIGINS',
    "Origins, separated by commas, whose pages may call the server from a browser. If unset, only the server's own origin and, while authentication is off, those of this machine.",
    origins,
    { default: '' },
  ),
  graphiql: setting('GRAPHIQL', 'Whether GraphiQL is served, on or off.', onOff, onlyInDevelopment),
  introspection: setting('INTROSPECTION', 'Whether clients may query the schema, on or off.', onOff, onlyInDevelopment),
  trustedDocuments: setting(
    'TRUSTED_DOCUMENTS',
    'Documents whose ids clients may send instead of their texts: a JSON file, { id: text }, or a folder of .graphql files.',
    text.transform((path) => resolve(path)),
  ),
  trustedDocumentsOnly: setting(
    'TRUSTED_DOCUMENTS_ONLY',
    'Whether all other documents are refused if TRUSTED_DOCUMENTS is set, on or off.',
    onOff,
    { default: 'off', productionDefault: 'on' },
  ),
  auditReads: setting(
    'AUDIT_READS',
    'Whether it is recorded in `es.reads` who reads whose personal data: `off`, `on`, or `required`, which shows no personal data while reads cannot be recorded.',
    oneOf('off', 'on', 'required'),
    { default: 'off' },
  ),
  auditReadsKeepDays: optionalCount(
    'AUDIT_READS_KEEP_DAYS',
    'How long what AUDIT_READS has recorded is kept, in days. If unset, for ever.',
    1,
    36_500,
  ),
  metrics: setting('METRICS', 'Whether `/metrics` is served for Prometheus, on or off.', onOff, { default: 'on' }),
  graphqlMaxDepth: count('GRAPHQL_MAX_DEPTH', 12, 'Maximum nesting of fields in an operation.'),
  graphqlMaxAliases: count('GRAPHQL_MAX_ALIASES', 30, 'Maximum number of aliases in an operation.', 0),
  graphqlMaxTokens: count('GRAPHQL_MAX_TOKENS', 2000, 'Maximum number of lexical tokens in a GraphQL document.'),
  graphqlMaxCost: count(
    'GRAPHQL_MAX_COST',
    50_000,
    'Maximum cost of an operation, in points: one for each value, two for each object, more for large rows, multiplied by the sizes of lists.',
  ),
  graphqlMaxDocumentLength: count(
    'GRAPHQL_MAX_DOCUMENT_LENGTH',
    128 * 1024,
    'Maximum length of a GraphQL document, in characters.',
    100,
  ),
  graphqlMaxSelections: count(
    'GRAPHQL_MAX_SELECTIONS',
    10_000,
    'Maximum number of fields and fragments in a GraphQL document after its fragments are expanded.',
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
    'Maximum number of elements of a list, or of fields of an object, in the variables of an operation.',
  ),
  inputMaxStringLength: count(
    'INPUT_MAX_STRING_LENGTH',
    100_000,
    'Maximum length of a string in the variables of an operation, in characters.',
    36,
  ),
  inputMaxBytes: count(
    'INPUT_MAX_BYTES',
    1024 * 1024,
    'Maximum size of all variables of an operation together, in bytes.',
    1024,
  ),
  answerMaxBytes: count(
    'ANSWER_MAX_BYTES',
    10_000_000,
    'Maximum size of the answer of an operation, or of a message of a subscription, in bytes; each value counts at least 128.',
    1000,
  ),
  answerMaxReadBytes: count(
    'ANSWER_MAX_READ_BYTES',
    64 * 1024 * 1024,
    'Maximum size in memory of the rows that are read for an operation, or for a message of a subscription, in bytes.',
    1000,
  ),
  operationsAtOncePerActor: count(
    'LARGE_OPERATIONS_AT_ONCE_PER_ACTOR',
    8,
    'Maximum number of concurrent operations of one actor that may read much, while others use the server.',
    1,
    10_000,
  ),
  answerBytesAtOncePerActor: count(
    'ANSWER_BYTES_AT_ONCE_PER_ACTOR',
    4 * 1024 * 1024,
    'Maximum size of their answers, including the rows that are read for them, in bytes, as the last ones of the actor had on average.',
  ),
  actorAnswerBytes: count(
    'ACTOR_ANSWER_BYTES',
    128 * 1024 * 1024,
    'Maximum size of all large answers of one actor that are in progress, including the rows that are read for them, in bytes.',
    1024 * 1024,
    100_000_000_000,
  ),
  totalAnswerBytes: count(
    'TOTAL_ANSWER_BYTES',
    512 * 1024 * 1024,
    'Maximum size of all large answers that are in progress, including the rows that are read for them, in bytes.',
    1024 * 1024,
    100_000_000_000,
  ),
  maxBodyBytes: count(
    'MAX_BODY_BYTES',
    2 * 1024 * 1024,
    'Maximum size of the body of an HTTP request, in bytes.',
    1024,
  ),
  subscriptionsPerConnection: count(
    'SUBSCRIPTIONS_PER_CONNECTION',
    100,
    'Maximum number of subscriptions on one WebSocket connection.',
  ),
};
