import { beforeEach, describe, expect, it } from 'vitest';
import { WatchedLists } from '../../../../src/graphql/live-queries/watch/watched-lists.ts';
import type { Projection } from '../../../../src/kernel/define/read-model/projection.ts';
import { Fingerprints } from '../../../../src/kernel/notify/fingerprints.ts';
import type { RowValues } from '../../../../src/kernel/read/fold/working-rows.ts';
import { counters } from '../../../support/kernel/counter.ts';
import { until } from '../../../support/until.ts';

/** The rows as they are now, by key. */
let stored: Map<string, RowValues>;
let lists: WatchedLists;
/** Labels whose lists were concerned, in this order. */
let concerned: string[];

const row = (id: string, label: string): RowValues => ({ id, label, value: 1, closed: false });
const propertiesOf = async (_: Projection, __: readonly string[], keys: readonly string[]) =>
  new Map([...stored].filter(([key]) => keys.includes(key)));
const projection = counters as unknown as Projection;
const fingerprints = new Fingerprints(Buffer.from('a secret of the instances'));
const otherKey = new Fingerprints(Buffer.from('another secret'));
/** What another instance tells of rows that had these labels. */
const had = (...labels: string[]) =>
  fingerprints.ofRows(
    projection,
    labels.map((label) => ({ label })),
  );
/** A list of the counters with a label, and their number. */
const count = (label: string) => lists.addCount([{ label }], { concern: () => concerned.push(label) });
const looked = () => until(() => !lists.isUncertain);

beforeEach(() => {
  stored = new Map();
  concerned = [];
  lists = new WatchedLists({ projection, readModels: { propertiesOf }, fingerprints });
  for (const label of ['red', 'green', 'blue']) count(label);
});

describe('the numbers of rows in lists, on an instance that does not change the rows', () => {
  it('are concerned by a row that enters them', async () => {
    stored.set('1', row('1', 'red'));
    lists.changed(new Set(['1']), undefined, had());
    await looked();
    expect(concerned).toEqual(['red']);
  });

  it('are concerned by a row that leaves one of them for another', async () => {
    stored.set('1', row('1', 'green'));
    lists.changed(new Set(['1']), undefined, had('red'));
    await looked();
    expect(concerned).toEqual(['red', 'green']);
  });

  it('are concerned by a row that is deleted', async () => {
    lists.changed(new Set(['1']), undefined, had('blue'));
    await looked();
    expect(concerned).toEqual(['blue']);
  });

  it('are concerned by every value that a row had meanwhile', async () => {
    stored.set('1', row('1', 'blue'));
    lists.changed(new Set(['1']), undefined, had('red', 'green'));
    await looked();
    expect(concerned).toEqual(['red', 'green', 'blue']);
  });

  it('are not concerned by a row that is in none of them', async () => {
    stored.set('1', row('1', 'white'));
    lists.changed(new Set(['1']), undefined, had('black'));
    await looked();
    expect(concerned).toEqual([]);
  });

  it.each([
    ['nothing is told of', undefined],
    ['another property is told of', fingerprints.ofRows(projection, [{ closed: false }])],
    ['an instance with another secret tells', otherKey.ofRows(projection, [{ label: 'black' }])],
  ])('are all concerned by a row if %s what it was before', async (_, former) => {
    stored.set('1', row('1', 'white'));
    lists.changed(new Set(['1']), undefined, former);
    await looked();
    expect(concerned).toEqual(['red', 'green', 'blue']);
  });

  it('are all concerned by a row if this instance shares no secret with others', async () => {
    lists = new WatchedLists({ projection, readModels: { propertiesOf }, fingerprints: undefined });
    for (const label of ['red', 'green']) count(label);
    lists.changed(new Set(['1']), undefined, had('black'));
    await looked();
    expect(concerned).toEqual(['red', 'green']);
  });
});

it('are uncertain until their readers are told of what was looked up', async () => {
  const { promise, resolve } = Promise.withResolvers<Map<string, RowValues>>();
  lists = new WatchedLists({ projection, readModels: { propertiesOf: () => promise }, fingerprints });
  count('red');
  lists.changed(new Set(['1']), undefined, had());
  await new Promise(setImmediate);
  expect(lists.isUncertain).toBe(true);
  resolve(new Map([['1', row('1', 'red')]]));
  for (let microtasks = 0; concerned.length === 0 && microtasks < 100; microtasks++) {
    expect(lists.isUncertain).toBe(true);
    await undefined;
  }
  expect(concerned).toEqual(['red']);
  expect(lists.isUncertain).toBe(false);
});
