import { describe, expect, it } from 'vitest';
import { check } from './checker/check.ts';
import { VIOLATIONS, type ViolationKind } from './checker/violation.ts';
import { alsoSays, FORGERIES, inStock, withDeadline, withLast } from './forgeries.ts';
import type { Observation } from './history.ts';
import { ada, at, honestStory, order, read, refused, type Story, sent, shown } from './story.ts';

const kindsIn = ({ histories, evidence }: Story) => [...new Set(check(histories, evidence).map(({ kind }) => kind))];

describe('the checker', () => {
  it('acquits a true story, with answers that were lost, refusals and replays in it', () => {
    const { histories, evidence } = honestStory();
    expect(check(histories, evidence)).toEqual([]);
  });

  it('acquits reads that ask for nothing, or say that they may be stale, whatever they show', () => {
    const old = read([], at(1), [shown(ada, 1), shown(order, 0)]);
    const stale = { ...read([at(4)], at(1), [shown(order, 1)]), stale: true };
    expect(kindsIn(alsoSays(old, stale)(honestStory()))).toEqual([]);
  });

  it('takes an answer that was lost for a maybe: in the log or not', () => {
    const maybe = [sent(20, 'more', ada, 'CustomerRenamed'), sent(21, 'more', ada, 'CustomerRenamed')];
    const rest = [
      refused(20, 'more', 'CommandRejected'),
      { is: 'unknown', attempt: 21, commandId: 'more', reason: '' },
    ];
    const told = alsoSays(...maybe, ...(rest as Observation[]));
    expect(kindsIn(told(honestStory()))).toEqual([]);
    expect(kindsIn(told(withLast({})(honestStory())))).toEqual([]);
  });

  it('acquits what the application did because of something that is in the log', () => {
    expect(kindsIn(withLast({ cause: 5 })(honestStory()))).not.toContain('from nobody');
  });

  it('acquits a process that is told of a deadline when it is due', () => {
    const kinds = kindsIn(withDeadline({ setMs: 31_000, reachedAtMs: 31_000 })(honestStory()));
    expect(kinds).not.toContain('deadline came early');
  });

  it('acquits a shop in which open orders hold what is set aside', () => {
    const kinds = kindsIn(inStock('CONFIRMED', { stock: 2, reserved: 2 })(honestStory()));
    expect(kinds).not.toContain('stock is not held');
  });

  describe.each(Object.keys(VIOLATIONS) as ViolationKind[])('finds guilty of “%s”', (kind) => {
    it.each(FORGERIES[kind])('%s', (_, forge) => {
      expect(kindsIn(forge(honestStory()))).toContain(kind);
    });
  });
});
