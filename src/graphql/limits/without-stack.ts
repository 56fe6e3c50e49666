/**
 * Creates an error without a stack trace. The reason for a refusal is the caller, not a place in the code, and a trace costs much more
 * than the refusal itself: those who send too much would cost the server more than before.
 */
export function withoutStack<T extends Error>(create: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return create();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
