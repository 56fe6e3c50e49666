import { readFile } from 'node:fs/promises';
import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { differenceOf } from '../../src/cli/api/schema.ts';
import { runCli } from '../cli/support.ts';

/** There is nothing: whatever needs a database fails. */
const NOWHERE = 'postgres://nobody@127.0.0.1:1/nothing';
const committed = readFile(new URL('../../schema/schema.graphql', import.meta.url), 'utf8');

describe('cli schema', () => {
  it('prints the schema that is committed, without a database', async () => {
    const { code, stdout, stderr } = await runCli(NOWHERE, ['schema']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(await committed);
    expect(buildSchema(stdout).getQueryType()?.getFields()).toHaveProperty('orders');
  });

  it('finds the committed schema up to date', async () => {
    const { code, stdout } = await runCli(NOWHERE, ['schema', '--check']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'schema/schema.graphql is what the code makes.\n' });
  });

  it('shows of a difference the lines that are not the same', () => {
    const before = 'type A {\n  a: Int\n  b: Int\n}\n';
    expect(differenceOf(before, before.replace('b: Int', 'b: Int!'))).toEqual([
      '@@ line 3 @@',
      '-  b: Int',
      '+  b: Int!',
    ]);
    expect(differenceOf(before, `${before}scalar B\n`)).toEqual(['@@ line 5 @@', '+scalar B']);
    expect(differenceOf('', 'x\n'.repeat(30)).at(-1)).toBe('… and 10 more lines');
  });
});
