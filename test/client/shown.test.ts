import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { leavesOf } from '../../client/src/order/leaves.ts';
import { Shown } from '../../client/src/order/shown.ts';

const QUERY = 'query ($id: ID!) { order(id: $id) { __typename id status total { amount } } }';
const LIST = '{ orders(first: 2) { nodes { __typename id status } } }';
const LIVE = 'subscription { live { __typename orders(first: 2) { nodes { __typename id state: status } } } }';

const order = (id: string, status: string, amount = 1) => ({ __typename: 'Order', id, status, total: { amount } });
const leaves = (document: string, data: object, variables: object = {}) =>
  leavesOf(parse(document), variables as Record<string, unknown>, data as Record<string, unknown>);
const one = (id: string, status: string, amount = 1) => leaves(QUERY, { order: order(id, status, amount) }, { id });

/** Answers as they arrive: which of them are shown. */
function shows(...answers: [leaves: ReturnType<typeof leaves>, token: string, reign?: number][]): boolean[] {
  const shown = new Shown();
  return answers.map(([values, token, reign = 0]) => shown.show(values, token, reign));
}

describe('an answer is overtaken', () => {
  it('if it is older than what was shown of the same object, and differs', () => {
    expect(shows([one('1', 'SHIPPED'), 't2'], [one('1', 'PLACED'), 't1'])).toEqual([true, false]);
    expect(shows([one('1', 'PLACED', 5), 't2'], [one('1', 'PLACED', 4), 't1'])).toEqual([true, false]);
  });

  it('if another document has shown a newer state, also beneath an alias', () => {
    const nodes = [{ __typename: 'Order', id: '1', state: 'SHIPPED' }];
    const live = leaves(LIVE, { live: { __typename: 'Query', orders: { nodes } } });
    expect(shows([live, 't2'], [one('1', 'PLACED'), 't1'])).toEqual([true, false]);
    const before = leaves(LIST, { orders: { nodes: [order('1', 'SHIPPED'), order('2', 'PLACED')] } });
    expect(shows([live, 't2'], [before, 't1'])).toEqual([true, false]);
  });

  it('if it shows an earlier version of a row, whatever its token', () => {
    const version = (value: number) =>
      leaves('{ order { __typename id version } }', { order: { __typename: 'Order', id: '1', version: value } });
    expect(shows([version(7), 't1'], [version(6), 't2'], [version(8), 't0'])).toEqual([true, false, true]);
  });
});

describe('an answer whose values differ from those that another one has shown, without versions', () => {
  const place = (status: string) => one('1', status);

  it('counts as overtaken if it was asked for before, even if its token is newer', () => {
    const shown = new Shown();
    const asked = shown.moment;
    expect(shown.show(place('SHIPPED'), 't1', 0)).toBe(true);
    expect(shown.show(place('PLACED'), 't2', 0, asked)).toBe(false);
    expect(shown.show(place('SHIPPED'), 't2', 0, asked)).toBe(true);
    expect(shown.show(one('2', 'PLACED'), 't2', 0, asked)).toBe(true);
  });

  it('is shown if it was asked for afterwards', () => {
    const shown = new Shown();
    expect(shown.show(place('SHIPPED'), 't1', 0)).toBe(true);
    expect(shown.show(place('CLOSED'), 't1', 0, shown.moment)).toBe(true);
  });

  it('is shown if a version says that it is newer, whenever it was asked for', () => {
    const shown = new Shown();
    const at = (version: number) =>
      leaves('{ order { __typename id version status } }', { order: { ...order('1', `at ${version}`), version } });
    const asked = shown.moment;
    expect(shown.show(at(7), 't2', 0)).toBe(true);
    expect(shown.show(at(8), 't1', 0, asked)).toBe(true);
  });
});

describe('an answer is shown', () => {
  it('if it is older and says the same, or is about something else', () => {
    expect(shows([one('1', 'PLACED'), 't2'], [one('1', 'PLACED'), 't1'], [one('2', 'PLACED'), 't1'])).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('if it is as fresh or fresher', () => {
    expect(shows([one('1', 'PLACED'), 't1'], [one('1', 'SHIPPED'), 't1'], [one('1', 'CLOSED'), 't2'])).toEqual([
      ...[true, true, true],
    ]);
  });

  it('if tokens are no longer comparable, because the store was restored', () => {
    expect(shows([one('1', 'SHIPPED'), 't9', 0], [one('1', 'PLACED'), 't1', 1])).toEqual([true, true]);
  });

  it('if it is another page of the same list', () => {
    const page = (variables: object, id: string) =>
      leaves(
        'query ($after: String) { orders(first: 1, after: $after) { nodes { id } } }',
        { orders: { nodes: [{ id }] } },
        variables,
      );
    expect(shows([page({ after: 'a' }, '2'), 't2'], [page({}, '1'), 't1'])).toEqual([true, true]);
  });
});
