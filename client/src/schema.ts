/** Abstract types of the product, with the types that they stand for. */
export const POSSIBLE_TYPES: Record<string, string[]> = {
  CommandResult: [
    'AggregateNotFound',
    'CommandIdReused',
    'CommandReceipt',
    'CommandRejected',
    'ConcurrencyConflict',
    'ValidationError',
  ],
  Error: [
    'AggregateNotFound',
    'CommandIdReused',
    'CommandRejected',
    'ConcurrencyConflict',
    'DeadLetterChanged',
    'DeadLetterNotFound',
    'DeadLettersOfOtherVersion',
    'ValidationError',
  ],
  DeadLettersResult: ['DeadLetterChanged', 'DeadLetterNotFound', 'DeadLettersOfOtherVersion', 'DeadLettersRetried'],
};

/** Types of the product without an id, which belong to what they are read with. */
export const EMBEDDED_TYPES: readonly string[] = [
  'PageInfo',
  'ValidationIssue',
  ...(POSSIBLE_TYPES.CommandResult ?? []),
];

/** Arguments of a connection that choose the page. */
export const PAGING_ARGUMENTS: readonly string[] = ['first', 'last', 'after', 'before'];
