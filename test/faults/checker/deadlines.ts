import { PAYMENT_PATIENCE_MS } from '../../../src/domains/fulfilment/next-steps.ts';
import type { Evidence } from './evidence.ts';
import type { Violation } from './violation.ts';

/** Instants are told in whole ms. */
const ROUNDING_MS = 1;

/** No deadline is reached before its time, and each is as far as it has to be, both by the clock that stamps the events. */
export function* checkDeadlines({ events }: Evidence): Generator<Violation> {
  for (const event of events) {
    const { type, dueMs, recordedAtMs, cause } = event;
    if (dueMs === undefined) continue;
    if (type === 'DeadlineReached' && recordedAtMs < dueMs - ROUNDING_MS) {
      yield { kind: 'deadline came early', facts: { event, earlyMs: dueMs - recordedAtMs } };
    }
    const because = cause === undefined ? undefined : events[cause - 1];
    if (type === 'DeadlineSet' && because && dueMs - because.recordedAtMs < PAYMENT_PATIENCE_MS - ROUNDING_MS) {
      yield { kind: 'deadline came early', facts: { event, because, wantedMs: PAYMENT_PATIENCE_MS } };
    }
  }
}
