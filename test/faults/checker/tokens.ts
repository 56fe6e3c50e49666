import type { History } from '../history.ts';
import type { Log } from './log.ts';
import type { Violation } from './violation.ts';

interface Observed {
  readonly at: number;
  readonly position: number;
}

/**
 * Every token is of this log. Tokens observed by one client never go back: a client sends with a query what it has
 * observed, and the answer is at least as fresh; what is newly accepted comes after all that its sender had observed when it
 * was sent. (A receipt that is answered again is the first one, and a query without tokens asks for nothing.)
 */
export function* checkTokens(histories: readonly History[], log: Log): Generator<Violation> {
  for (const { client, records } of histories) {
    const newest: Observed[] = [];
    const sentAt = new Map<number, number>();
    const observe = (at: number, position: number) => {
      if (position > (newest.at(-1)?.position ?? 0)) newest.push({ at, position });
    };
    const before = (at: number) => newest.findLast((observed) => observed.at <= at)?.position ?? 0;
    for (const record of records) {
      if ('token' in record && !(log.positionOf(record.token) <= log.head)) {
        yield { kind: 'no such token', facts: { client, record, head: log.head } };
      }
      if (record.is === 'sent') sentAt.set(record.attempt, record.at);
      if (record.is === 'acknowledged') {
        const position = log.positionOf(record.token);
        const least = before(sentAt.get(record.attempt) ?? 0);
        if (!record.replayed && position < least) {
          yield { kind: 'token went back', facts: { client, observed: least, position, record } };
        }
        observe(record.at, position);
      }
      if (record.is === 'read' && record.by === 'query' && !record.stale) {
        const position = log.positionOf(record.token);
        const least = record.after.length > 0 ? Math.max(before(record.askedAt), log.furthest(record.after)) : 0;
        if (position < least) yield { kind: 'token went back', facts: { client, observed: least, position, record } };
        observe(record.at, position);
      }
    }
  }
}
