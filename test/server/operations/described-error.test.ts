import { DrizzleQueryError } from 'drizzle-orm/errors';
import { GraphQLError, Source } from 'graphql';
import postgres from 'postgres';
import { describe, expect, it } from 'vitest';
import { type DescribedError, describeError } from '../../../src/server/operations/described-error.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const describeIt = (error: unknown) => describeError(error) as DescribedError;
const SECRET = 'xanthippe@quirk.example';

describe('an error in the log', () => {
  it('is its type, message, stack and facts, and those of what caused it', () => {
    const cause = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED', port: 5432, query: 'x' });
    const error = new TypeError('no database', { cause });
    const { stack, ...facts } = describeIt(error);
    expect(facts).toEqual({
      type: 'TypeError',
      message: 'no database: connection refused',
      code: 'ECONNREFUSED',
      port: 5432,
    });
    expect(stack).toMatch(/^TypeError: no database\n\s+at .*\ncaused by: Error: connection refused\n\s+at /s);
  });

  it('of a statement has the statement, and not its parameters', () => {
    const error = new DrizzleQueryError('select $1', [SECRET], new Error('no such table'));
    for (const each of [error, new GraphQLError(error.message, { originalError: error })]) {
      const described = describeIt(each);
      expect(described.message).toBe('Failed query: select $1: no such table');
      expect(JSON.stringify(described)).not.toContain(SECRET);
    }
  });

  it('of a long statement has its beginning, on one line, so that why it failed can be found', () => {
    const error = new DrizzleQueryError(`\n  select\n  ${'x, '.repeat(1000)} 1`, [], new Error('read ECONNRESET'));
    const { message, stack } = describeIt(error);
    expect(message).toMatch(/^Failed query: select x, x, [x, ]+ …: read ECONNRESET$/);
    expect(message.length).toBeLessThan(250);
    expect(stack.length - message.length).toBeLessThan(3000);
  });

  it('of a document has no part of the document', () => {
    const source = new Source(`{ customer(id: "${SECRET}") }`);
    const described = describeIt(
      new GraphQLError('It is wrong.', { source, positions: [2], extensions: { at: SECRET } }),
    );
    expect(described.message).toBe('It is wrong.');
    expect(JSON.stringify(described)).not.toContain(SECRET);
  });

  it('whose causes go in a circle comes to an end', () => {
    const one = new Error('one');
    one.cause = new Error('two', { cause: one });
    expect(describeIt(one).message).toMatch(/^one: two: one: /);
  });

  it('that is no error is left as it is', () => {
    expect(describeError('text')).toBe('text');
    expect(describeError(undefined)).toBeUndefined();
  });
});

describe('an error of Postgres in the log', () => {
  const database = useDatabase({ per: 'file' });

  it.each([
    [
      'a row that breaks a rule',
      `insert into people values ('${SECRET}'), ('${SECRET}')`,
      /duplicate key .*"people_pkey"/,
    ],
    ['a value of another type', `select '${SECRET}'::int`, /^invalid input syntax for type integer: "…"$/],
    ['a row that is too long', `insert into people values (repeat('${SECRET}', 100))`, /^value too long for type /],
    ['a check that fails', `insert into people values ('not ${SECRET}')`, /check constraint "people_name_check"/],
  ])('about %s does not repeat it', async (_, statement, message) => {
    const sql = postgres(database.url, { max: 1, onnotice: () => {} });
    await sql`create table if not exists people (name varchar(200) primary key check (name not like 'not %'))`;
    const error: unknown = await sql.unsafe(statement).catch((reason: unknown) => reason);
    await sql.end();
    expect(error).toBeInstanceOf(Error);
    const described = describeIt(error);
    expect(described.message).toMatch(message);
    expect(described.code).toMatch(/^2\d/);
    expect(JSON.stringify(described)).not.toContain(SECRET);
  });
});
