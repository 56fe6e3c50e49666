import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import shop from '../../src/app.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { readConfig } from '../../src/settings/config.ts';
import { runCli } from '../cli/support.ts';
import { useReplicatedDatabase } from '../support/postgres/replica.ts';
import { lacks } from '../support/server/environment.ts';
import { until } from '../support/until.ts';

const page = readFileSync(new URL('../../docs/privacy.md', import.meta.url), 'utf8');
const [bin = ''] = globSync('/usr/lib/postgresql/*/bin').toSorted().reverse();
const run = promisify(execFile);

/** Every command of the page in its order: of indented blocks, of blocks of `sh`, and those in the text that begin with npx. */
const commands = [
  ...page.matchAll(/^ {4}((?:\S.*\\\n *)*\S.*)$|^```sh\n([\s\S]*?)^```$|`(npx afterwrite [^`]+)`/gm),
].flatMap(([, indented, block, inline]) =>
  (indented ?? block ?? inline ?? '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== ''),
);

/** The words of a command as a shell divides it. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|((?:[^\s'"]|(?<==)'[^']*')+)/g)].map(
    ([, single, double, bare = '']) => single ?? double ?? bare.replaceAll("'", ''),
  );
}

describe.skipIf(lacks('pg_basebackup'))('docs/privacy.md', () => {
  // Its Postgres has the version of pg_dump.
  const database = useReplicatedDatabase();
  const env: Record<string, string> = { AUDIT_READS: 'on' };
  let folder = '';
  let server: RunningServer | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'privacy-page-'));
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = async () => {
    const config = readConfig({ DATABASE_URL: database.url, PORT: '0', ...env }, shop.settings);
    server = await startServer(shop, config, pino({ level: 'silent' }));
  };
  const ask = async (query: string) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${server?.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
    return (await answer.json()).data;
  };
  /** A customer whom the read models show. */
  const register = async (name: string) => {
    const id = randomUUID();
    const email = `${name.toLowerCase()}@example.org`;
    await ask(
      `mutation { registerCustomer(input: { id: "${id}", name: "${name}", email: "${email}" }) { __typename } }`,
    );
    await until(async () => (await ask(`{ customer(id: "${id}") { name } }`)).customer?.name === name);
    return id;
  };

  /** Runs a command of the page, with the paths and ids of this test in the place of its own. @returns what it prints. */
  async function play(command: string, ids: { readonly subject: string; readonly actor: string }): Promise<string> {
    const real = command
      .replaceAll('/etc/shop/keyring', join(folder, 'keyring'))
      .replaceAll('customer/0197f3a2-…', ids.subject)
      .replaceAll('0197f3b1-…', ids.actor)
      // A month that this test is in.
      .replace('--from 2026-01-01 --to 2026-02-01', '--from 2001-01-01 --to 2999-01-01');
    const [, name, value] = /^export (\w+)=(\S+)$/.exec(real) ?? [];
    if (name && value) {
      env[name] = value;
      return '';
    }
    if (real === 'npx afterwrite start') {
      await start();
      return '';
    }
    const [invocation = '', file] = real.split(' > ');
    const [program, ...words] = wordsOf(invocation);
    if (program === 'pg_dump') {
      expect(words.pop()).toBe('…');
      return (await run(join(bin, 'pg_dump'), ['--dbname', database.url, ...words], { maxBuffer: 1e9 })).stdout;
    }
    expect([program, words.shift()]).toEqual(['npx', 'afterwrite']);
    const { code, stdout, stderr } = await runCli(database.url, words, env);
    expect({ command, code, stderr: code === 0 ? '' : stderr }).toEqual({ command, code: 0, stderr: '' });
    if (file) await writeFile(join(folder, file), stdout);
    return stdout;
  }

  it('can be played from its first command to its last', async () => {
    // A log from before the keyring.
    await start();
    const ada = await register('Adalovelace');
    await server?.stop();
    const ids = { subject: 'nobody', actor: 'nobody' };
    /** What is expected of each command, by its beginning. */
    const expectations: Readonly<Record<string, (printed: string) => unknown>> = {
      'export KEYRING_URL': () => {},
      'npx afterwrite keyring create': (printed) =>
        expect(printed).toContain(`${join(folder, 'keyring')} is the keyring`),
      'npx afterwrite start': async () => {
        ids.subject = `customer/${await register('Olgaorlova')}`;
        const recorded = () => database.sql`select actor from es.reads where subject = ${ids.subject}`;
        await until(async () => (await recorded()).length > 0);
        ids.actor = (await recorded())[0]?.actor;
      },
      'npx afterwrite keyring rotate --forget-former': (printed) => expect(printed).toContain('are wrapped with it'),
      'npx afterwrite keyring rotate': (printed) => expect(printed).toContain('are wrapped with it'),
      'npx afterwrite subjects encrypt-existing': (printed) => expect(printed).toMatch(/^1 event was encrypted/),
      'npx afterwrite subjects show': (printed) => expect(printed).toContain('Never erased.'),
      'npx afterwrite subjects export': async () =>
        expect(await readFile(join(folder, 'answer.txt'), 'utf8')).toContain('name: Olgaorlova'),
      'npx afterwrite subjects erase': async (printed) => {
        expect(printed).toContain('No read model has anything of them any more.');
        const [, id] = ids.subject.split('/');
        expect((await ask(`{ customer(id: "${id}") { name email } }`)).customer.name).toBe('[erased]');
        expect((await ask(`{ customer(id: "${ada}") { name } }`)).customer.name).toBe('Adalovelace');
      },
      pg_dump: (printed) => {
        expect(printed).toContain('CREATE TABLE es.events');
        expect(printed).toContain('SubjectErased');
        expect(printed).not.toMatch(/olgaorlova|adalovelace/i);
      },
      'npx afterwrite subjects check': (printed) => expect(printed).toContain('All personal data is encrypted'),
      'npx afterwrite reads list --subject': (printed) => expect(printed).toContain('customers'),
      'npx afterwrite reads list --actor': (printed) => {
        const reads = printed
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
        expect(reads).toContainEqual(expect.objectContaining({ actor: ids.actor, subject: ids.subject }));
      },
    };
    const played = new Set<string>();
    for (const command of commands) {
      const beginning = Object.keys(expectations).find((each) => command.startsWith(each));
      expect(beginning, `${command} is expected to do something`).toBeDefined();
      await expectations[beginning as string]?.(await play(command, ids));
      played.add(beginning as string);
    }
    expect([...played].sort()).toEqual(Object.keys(expectations).sort());
  });
});
