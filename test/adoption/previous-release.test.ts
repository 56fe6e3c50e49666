import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort, statusOf } from '../e2e/process/server-process.ts';
import { HttpClient } from '../support/client/http-client.ts';
import { connect, createDatabase } from '../support/postgres/database.ts';
import { lacks } from '../support/server/environment.ts';
import { PREVIOUS_RELEASE } from '../support/server/previous-release.ts';
import { until } from '../support/until.ts';
import { adopt, type Project, packCommit, packProduct } from './adopted.ts';

// It compiles the product twice and starts processes.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const patience = { deadline: 90_000 };

const LEND = `mutation ($book: String!) { lendBook(input: { book: $book, borrower: "ada" }) {
  ... on CommandReceipt { aggregateId token } } }`;
const READ = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { loan(id: $id) { book status } }`;

interface Server {
  readonly client: HttpClient;
  stop(): Promise<void>;
}

/** Commands and reads all the time: each reads on the next server what it has written on one. */
class Load {
  readonly servers: Server[] = [];
  readonly failures: unknown[] = [];
  #done = 0;
  #isOver = false;
  readonly #running: Promise<unknown>;

  constructor(first: Server) {
    this.servers.push(first);
    this.#running = Promise.all([0, 1, 2].map((n) => this.#run(n)));
  }

  get done(): number {
    return this.#done;
  }

  /** Resolves when some more has been written and read. */
  async goesOn(): Promise<void> {
    const before = this.#done;
    await until(() => this.#done >= before + 30 || this.failures.length > 0, patience);
  }

  /** Sends nothing more to a server, as a load balancer does before it is stopped. */
  async leave(server: Server): Promise<void> {
    this.servers.splice(this.servers.indexOf(server), 1);
    await this.goesOn();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(offset: number): Promise<void> {
    for (let n = offset; !this.#isOver && this.failures.length === 0; n++) {
      const { servers } = this;
      const [writer, reader] = [servers[n % servers.length], servers[(n + 1) % servers.length]];
      const book = `Book ${n} of ${offset}`;
      try {
        const written = await writer!.client.query<{ lendBook: { aggregateId: string; token: string } }>(LEND, {
          book,
        });
        const { aggregateId: id, token } = written.data?.lendBook ?? {};
        const read = await reader!.client.query(READ, { id, token });
        const expected = { loan: { book, status: 'LENT' } };
        if (JSON.stringify(read.data) !== JSON.stringify(expected)) this.failures.push({ written, read });
        this.#done++;
      } catch (error) {
        this.failures.push(error);
      }
    }
  }
}

/** Adds a migration to the product that a project has installed, as the next release may bring one: it only adds a column. */
async function addMigration({ folder }: Project): Promise<void> {
  const migrations = join(folder, 'node_modules/afterwrite/drizzle');
  const file = join(migrations, 'meta/_journal.json');
  const journal = JSON.parse(await readFile(file, 'utf8'));
  const last = journal.entries.at(-1);
  const entry = { ...last, idx: last.idx + 1, when: last.when + 1, tag: '9999_later' };
  await writeFile(join(migrations, `${entry.tag}.sql`), 'ALTER TABLE "es"."store" ADD COLUMN "later" text;');
  await writeFile(file, JSON.stringify({ ...journal, entries: [...journal.entries, entry] }));
}

describe.skipIf(lacks('earlier commits'))('the release before and this one, on one database', () => {
  let before: Project;
  let present: Project;
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    const then = await packCommit(PREVIOUS_RELEASE);
    const now = await packProduct();
    [before, present, database] = await Promise.all([adopt(then), adopt(now), createDatabase()]);
    await addMigration(present);
  });
  afterAll(async () => {
    await database?.drop();
    await Promise.all([before?.remove(), present?.remove()]);
  });

  /** Starts the application as a release serves it, and resolves when it is ready. */
  async function serve(project: Project): Promise<Server> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const { child, output } = project.start(['start'], { DATABASE_URL: database.url, PORT: String(port) });
    const isReady = async () => {
      if (child.exitCode !== null) throw new Error(`It did not start:\n${output()}`);
      return (await statusOf(`${url}/readyz`)) === 200;
    };
    await until(isReady, patience);
    return {
      client: new HttpClient(() => url),
      stop: async () => {
        child.kill('SIGTERM');
        await once(child, 'close');
        expect([child.exitCode, output()]).toEqual([0, expect.not.stringMatching(/"level":"(error|fatal)"/)]);
      },
    };
  }

  /** Whether the migration of {@link addMigration} was applied. */
  async function isMigrated(): Promise<boolean> {
    const sql = connect(database.url);
    try {
      const columns = await sql`select from pg_attribute where attrelid = 'es.store'::regclass and attname = 'later'`;
      return columns.length > 0;
    } finally {
      await sql.end();
    }
  }

  it('serve beside each other, and one after the other in both directions, without a failed or outdated answer', async () => {
    const old = await serve(before);
    const load = new Load(old);
    try {
      await load.goesOn();
      expect(await isMigrated()).toBe(false);
      // The new release is deployed beside it, and migrates the database.
      const young = await serve(present);
      expect(await isMigrated()).toBe(true);
      load.servers.push(young);
      await load.goesOn();
      await load.leave(old);
      await old.stop();
      await load.goesOn();
      // The deployment is taken back.
      const again = await serve(before);
      load.servers.push(again);
      await load.goesOn();
      await load.leave(young);
      await young.stop();
      await load.goesOn();
    } finally {
      await load.end();
    }
    expect(load.failures).toEqual([]);
    expect(load.done).toBeGreaterThan(150);
  });
});
