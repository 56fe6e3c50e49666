import { expect, it } from 'vitest';
import { ratio } from '../../bench/support/measuring/result.ts';
import { inTurn } from '../../bench/support/measuring/rounds.ts';
import { median } from '../../bench/support/measuring/statistics.ts';

const shown = { chart: 'Appending', at: '80 callers', unit: 'events/s' } as const;
const silent = () => {};

it('a peer that breaks in a round is named, and loses only that round', async () => {
  const said: string[] = [];
  const [ours, theirs] = await inTurn(
    [
      { ...shown, who: 'Afterwrite', run: async () => 20 },
      {
        ...{ ...shown, who: 'pgbench' },
        run: async (round) => {
          if (round === 2) throw new Error('pgbench did nothing');
          return 10;
        },
      },
    ],
    3,
    (line) => said.push(line),
  );
  expect(theirs).toMatchObject({ rounds: [10, Number.NaN, 10], broken: 'pgbench did nothing' });
  expect(said).toContain('  round 2 of 3: 80 callers: pgbench broke: pgbench did nothing');
  expect(ours).toEqual({ ...shown, who: 'Afterwrite', rounds: [20, 20, 20] });
  expect(median(ratio(ours, theirs).rounds)).toBe(2);
});

it('a failure of Afterwrite ends the run', async () => {
  const broken = { ...shown, who: 'Afterwrite', run: async () => Promise.reject(new Error('an append was refused')) };
  await expect(inTurn([broken], 1, silent)).rejects.toThrow('an append was refused');
});

it('a peer that only breaks while it warms up counts as whole', async () => {
  const run = async (round: number) => (round === 0 ? Promise.reject(new Error('cold')) : 1);
  const [theirs] = await inTurn([{ ...shown, who: 'Emmett', run }], 2, silent);
  expect(theirs).toEqual({ ...shown, who: 'Emmett', rounds: [1, 1] });
});
