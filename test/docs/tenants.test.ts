import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { runCommand } from '../../src/cli/run.ts';
import type { TenantMode } from '../../src/definition/tenants.ts';
import { startServer } from '../../src/server/server.ts';
import { readConfig } from '../../src/settings/config.ts';
import { openTestDatabase } from '../../src/testing/postgres/test-database.ts';
import { modes, shopOf } from '../support/tenants/tenants.ts';

const page = readFileSync(new URL('../../docs/tenants.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, of, text = '']) => (of === language ? [text] : []));

/** The headers that the page sends without a login, and what it shows of `/readyz`. */
const [headers, readyz] = blocks('json').map((text) => JSON.parse(text) as Record<string, unknown>) as [
  Record<string, string>,
  Record<string, unknown>,
];
/** The commands of the page, without `npx afterwrite`. */
const commands = blocks('sh').flatMap((text) =>
  [...text.matchAll(/^npx afterwrite (.*)$/gm)].map(([, line = '']) => line.trim()),
);
/** The modes for which the page says what to write in `defineApp`. */
const written = blocks('ts').flatMap((text) => [...text.matchAll(/tenants: '(\w+)'/g)].map(([, mode = '']) => mode));

const CREATE = /* GraphQL */ `
  mutation ($name: String!) {
    registerCustomer(input: { name: $name, email: "ada@example.org" }) { ... on CommandReceipt { token aggregateId } }
  }`;
const shopWithCommands = (mode: TenantMode) => ({ ...shopOf(mode), commands: async () => [] });

/** A store for an application, and what the page does with it. */
async function play(app: ReturnType<typeof shopWithCommands>) {
  const env = { ...process.env, TEST_DATABASE_URL: inject('serverUrl') };
  const database = await openTestDatabase({ env, project: process.cwd(), appMigrations: undefined });
  onTestFinished(() => database.drop());
  const settings = { DATABASE_URL: database.url, PORT: '0' };
  const start = () => startServer(app, readConfig(settings, app.settings), pino({ level: 'silent' }));
  const cli = async (line: string) => {
    let out = '';
    const stream = new Writable({
      write: (chunk, _, done) => {
        out += String(chunk);
        done();
      },
    });
    const context = { app, folder: process.cwd(), env: { DATABASE_URL: database.url }, out: stream, err: stream };
    const code = await runCommand(app, { ...context, signal: new AbortController().signal }, line.split(' '));
    return { code, out };
  };
  return { start, cli };
}

interface Answer {
  readonly registerCustomer?: { readonly token: string };
  readonly customers?: { readonly nodes: readonly { readonly name: string }[] };
}

async function ask(url: string, own: Record<string, string>, query: string, variables = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...own },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as { data?: Answer };
}

it('the page shows how to write each mode', () => {
  expect(new Set(written)).toEqual(new Set(modes));
});

describe.each<TenantMode>([...modes])('what the page does with the mode %s', (mode) => {
  it('works from beginning to end', async () => {
    const { start, cli } = await play(shopWithCommands(mode));
    expect(commands[0]).toBe('start');
    const server = await start();
    onTestFinished(() => server.stop());
    // The page's tenant, and that of those who say nothing.
    const acme = await ask(server.url, headers, CREATE, { name: 'Ada' });
    expect(acme.data?.registerCustomer).toMatchObject({ token: expect.any(String) });
    await ask(server.url, {}, CREATE, { name: 'Dev' });
    const names = async (own: Record<string, string>) => {
      const written = (await ask(server.url, own, CREATE, { name: 'Last' })).data?.registerCustomer;
      const after = { ...own, 'read-after': written?.token ?? '' };
      const { data } = await ask(server.url, after, '{ customers(first: 10) { nodes { name } } }');
      return data?.customers?.nodes?.map(({ name }) => name).toSorted();
    };
    expect(await names(headers)).toEqual(['Ada', 'Last']);
    expect(await names({})).toEqual(['Dev', 'Last']);

    const ready = (await (await fetch(`${server.url}/readyz`)).json()) as typeof readyz;
    expect(Object.keys(ready)).toEqual(Object.keys(readyz));
    expect(Object.keys(ready.tenants as object)).toEqual(Object.keys(readyz.tenants as object));
    expect(ready).toMatchObject({ status: 'ready', tenants: { open: 2, failing: 0 } });

    for (const line of commands.slice(1)) {
      const { code, out } = await cli(line);
      expect([line, code, out]).toEqual([line, 0, expect.stringMatching(/acme|CustomerRegistered/)]);
      expect(out).not.toContain('Dev');
    }
    expect(await cli('tenants create hooli')).toMatchObject({ code: 0, out: expect.stringContaining('hooli') });
    expect(await cli(mode === 'database' ? 'tenants migrate hooli' : 'migrate')).toMatchObject({ code: 0 });
    expect((await cli('tenants list')).out).toMatch(/hooli .*0/);
  });
});
