import { describe, expect, it } from 'vitest';
import { holdUp } from '../../../support/postgres/blocker.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const NOTES = '{ notes(first: 5) { edges { node { id } } } }';
const LOCK = 'lock table read.notes_v1 in access exclusive mode';
const CREATE =
  'mutation { createNote(input: { title: "t", content: "c" }) { __typename ... on CommandReceipt { version query ' +
  `${NOTES} } } }`;

type Database = Parameters<typeof holdUp>[0] & { readonly sql: ReturnType<typeof useApp>['database']['sql'] };

/** Statements of queries that Postgres works on. */
async function reading({ sql }: Database): Promise<number> {
  const rows = await sql`select from pg_stat_activity
    where datname = current_database() and application_name = 'afterwrite reader' and state = 'active'`;
  return rows.length;
}
const TIMEOUT = { extensions: { code: 'TIMEOUT' } };

describe('a statement that takes too long', () => {
  const app = useApp({ fulfils: false, env: { READ_STATEMENT_TIMEOUT_MS: '200' } });

  it('is ended by Postgres, and the query is answered TIMEOUT', async () => {
    await holdUp(app.database, LOCK);
    const answer = await app.query(NOTES);
    expect(answer.errors).toMatchObject([{ ...TIMEOUT, path: ['notes'] }]);
    expect(answer.text).not.toMatch(/select|read\.|statement timeout/);
    expect(await reading(app.database)).toBe(0);
  });
});

describe('an operation that takes too long', () => {
  const app = useApp({ fulfils: false, env: { OPERATION_TIMEOUT_MS: '300', READ_STATEMENT_TIMEOUT_MS: '60000' } });

  it('is answered with TIMEOUT, and its statements in Postgres are cancelled', async () => {
    await holdUp(app.database, LOCK);
    const answer = await app.query(NOTES);
    expect(answer.errors).toMatchObject([TIMEOUT]);
    expect(answer.errors?.[0]?.message).toContain('300 ms');
    await until(async () => (await reading(app.database)) === 0);
  });

  it('says that the command was accepted if what it reads takes too long', async () => {
    const blocker = await holdUp(app.database, LOCK);
    const { errors, consistency } = await app.query(CREATE);
    expect(errors).toMatchObject([{ message: expect.stringContaining('was accepted'), ...TIMEOUT }]);
    expect(app.engine.tokens.decode(consistency.token)).toBe(app.engine.projector.head.position);
    await until(async () => (await reading(app.database)) === 0);
    await blocker.release();
  });

  it('leaves others alone', async () => {
    await holdUp(app.database, LOCK);
    const [slow, quick] = await Promise.all([
      app.query(NOTES),
      app.query('{ articleCards(first: 1) { edges { cursor } } }'),
    ]);
    expect(slow.errors).toMatchObject([TIMEOUT]);
    expect(quick.errors).toBeUndefined();
  });
});

describe('a client that goes away', () => {
  const app = useApp({ fulfils: false, env: { OPERATION_TIMEOUT_MS: '60000', READ_STATEMENT_TIMEOUT_MS: '60000' } });

  it('takes its statements with it', async () => {
    const blocker = await holdUp(app.database, LOCK);
    const gone = new AbortController();
    const answers = Array.from({ length: 4 }, () => app.query(NOTES, {}, { signal: gone.signal }).catch(() => 'gone'));
    await until(async () => (await reading(app.database)) > 0);
    gone.abort();
    expect(await Promise.all(answers)).toEqual(['gone', 'gone', 'gone', 'gone']);
    await until(async () => (await reading(app.database)) === 0);
    await blocker.release();
    expect((await app.query(NOTES)).errors).toBeUndefined();
  });
});
