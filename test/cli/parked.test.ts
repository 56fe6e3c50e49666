import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { useDatabase } from '../support/postgres/database.ts';
import { runCli } from './support.ts';

const database = useDatabase({ per: 'emptied' });
const cli = (...args: string[]) => runCli(database.url, ['parked', ...args]);

/** An event that a process cannot answer, one that waits behind it, and a deadline. */
async function parkSome(): Promise<{ line: string }> {
  const line = `Fulfilment ${randomUUID()}`;
  const stuck = { consumer: 'process:Fulfilment', line, keys: [line], initiator: 'ada', event_type: 'OrderPlaced' };
  await database.sql`insert into read.parked_items ${database.sql([
    { ...stuck, position: 5, is_fault: true, code: 'FAULT', error: 'It is too heavy.', attempts: 6 },
    { ...stuck, position: 9, event_type: 'OrderShipped', is_fault: false, code: null, error: null, attempts: 0 },
  ])}`;
  await database.sql`update read.parked_items set retry_at = now() + interval '1 hour' where position = 5`;
  await database.sql`insert into read.parked_items ${database.sql({
    ...{ consumer: 'process:Other', line: `Other ${randomUUID()}`, deadline: 'payment', initiator: 'eve' },
    ...{ is_fault: true, code: 'FAULT', error: 'No.', attempts: 5 },
  })}`;
  return { line };
}
const rows = () =>
  database.sql`select position, deadline, retry_at <= now() as due, passed_by, reason, passed_at is not null as passed
               from read.parked_items order by consumer, position`;

describe('parked', () => {
  it('lists items that cannot continue and those that wait behind them, for all kinds or one', async () => {
    expect((await cli('list')).stdout).toBe('Nothing is parked.\n');
    const { line } = await parkSome();
    const { code, stdout } = await cli('list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^kind +partition +item +event +since +attempts +next +error\n/);
    expect(stdout).toMatch(new RegExp(`process:Fulfilment +${line} +5 +OrderPlaced .*FAULT: It is too heavy.`));
    expect(stdout).toMatch(/ 9 +OrderShipped .*after those before it/);
    expect(stdout).toMatch(/payment +\(deadline\)/);
    const json = (await cli('list', 'process:Other', '--json')).stdout.trimEnd().split('\n');
    expect(json.map((text) => JSON.parse(text))).toMatchObject([{ deadline: 'payment', initiator: 'eve' }]);
  });

  it('has what is at fault tried again, and leaves what waits behind it where it is', async () => {
    const { line } = await parkSome();
    expect(await cli('retry', 'process:Fulfilment', line)).toMatchObject({ code: 0, stdout: '1 is tried again.\n' });
    expect((await rows()).map(({ due }) => due)).toEqual([true, null, null]);
    expect((await cli('retry', 'process:None')).stdout).toBe('Nothing is parked there.\n');
  });

  it('discards nothing unless that is confirmed', async () => {
    const { line } = await parkSome();
    expect(await cli('discard', 'process:Fulfilment', line, '5')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Error NOT_CONFIRMED: .*position 5/),
    });
    expect((await rows()).some(({ passed }) => passed)).toBe(false);
  });

  it('discards an item, and keeps who wanted it and why', async () => {
    const { line } = await parkSome();
    const done = await cli('discard', 'process:Fulfilment', line, '5', '--yes', '--reason', 'A test.');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect((await rows())[0]).toMatchObject({ due: true, passed: true, reason: 'A test.' });
    expect((await rows())[0]?.passed_by).toMatch(/^cli:/);
    const missing = await cli('discard', 'process:Fulfilment', line, '77', '--yes');
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Error PARKED_ITEM_NOT_FOUND: /) });
  });
});
