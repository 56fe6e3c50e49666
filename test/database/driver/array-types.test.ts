// Upstream: https://github.com/porsager/postgres/issues/1192
// Upstream: https://github.com/porsager/postgres/issues/1205
import postgres from 'postgres';
import { expect, it, onTestFinished } from 'vitest';
import { connect } from '../../../src/database/session.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });

it('a new connection sends nothing before the first statement of its caller', async () => {
  const sent: string[] = [];
  const debug = (_: number, statement: string) => void sent.push(statement);
  const client = connect({ url: database.url, applicationName: 'array types test' }, { max: 1, debug });
  onTestFinished(() => client.end());
  await client.unsafe('select 1');
  expect(sent).toEqual(['select 1']);
});

it('without the workaround the driver asks for array types first', async () => {
  const sent: string[] = [];
  const debug = (_: number, statement: string) => void sent.push(statement);
  const client = postgres(database.url, { max: 1, debug });
  onTestFinished(() => client.end());
  await client.unsafe('select 1');
  expect(sent.at(0)).toContain('typarray');
  expect(sent.at(-1)).toBe('select 1');
});
