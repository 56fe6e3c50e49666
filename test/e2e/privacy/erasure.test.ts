import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domains } from '../../../src/domains/index.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import { accepted, placeOrder, receiveStock, registerCustomer, registerProduct } from '../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../support/client/tokens.ts';
import { useTransports } from '../../support/client/transports.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { connect } from '../../support/postgres/database.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';
import { findInDatabase, findInText, readRows } from './plain-values.ts';

const run = promisify(execFile);
const [bin = ''] = globSync('/usr/lib/postgresql/*/bin').toSorted().reverse();

/** Each of these stands in the data of one person and nowhere else. */
const FORMER_NAME = 'Ottoline Marchbanks';
const NAME = 'Ottoline Fairweather-Quill';
const EMAIL = 'ottoline@marchbanks-family.example';
const STREET = '17 Quibblethorpe Terrace';
const CITY = 'Quibblethorpe-under-Lyme';
const TITLE = 'Recipe against melancholy';
const CONTENT = 'Of my grandmother Philomena Marchbanks, who never told anybody';
const DRAFT = 'Remember to ask about the vinegar';
const TAG = 'grandmother-philomena';
const ARTICLE = 'Why I left Quibblethorpe';
const BODY = 'It rained on the terrace for eleven years, and the neighbours played the bassoon.';
const COMMENT = 'I still hear the bassoon at night.';
const REASON = 'I am moving to Ullapool';
const TEXTS = [FORMER_NAME, NAME, EMAIL, STREET, CITY, TITLE, DRAFT, CONTENT, TAG, ARTICLE, BODY, COMMENT, REASON];
/** An index of words has them one by one. */
const WORDS = ['Fairweather', 'Quibblethorpe', 'melancholy', 'Philomena', 'bassoon', 'Ullapool'];
const PERSONAL = [...TEXTS, ...WORDS];
/** What read models show: they keep no former name. */
const SHOWN = PERSONAL.filter((value) => value !== FORMER_NAME);
/** Somebody else's, which stay. */
const OTHER = 'Bartholomew Unforgotten';

describe.skipIf(lacks('pg_basebackup'))('a person who wants to be forgotten', () => {
  let folder = '';
  let keyring: FileKeyring;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'erasure-'));
    keyring = await FileKeyring.create(join(folder, 'keyring'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const database = useReplicatedDatabase();
  const app = useApp({
    database,
    env: () => ({ ...WITH_AUTH, READ_DATABASE_URL: database.readUrl, KEYRING_URL: `file:${join(folder, 'keyring')}` }),
  });
  const open = useTransports(app);
  const restored = { url: '' };
  const openRestored = useEngine(restored, domains);
  const ask = <Row extends object>(statement: string) => database.primary.ask<Row>(statement, 'shop');
  const dump = async (name: string, ...options: readonly string[]) => {
    const file = join(folder, name);
    await run(join(bin, 'pg_dump'), ['--dbname', database.url, '--file', file, ...options]);
    return file;
  };
  /** Everything has been handled, and the replica shows it. */
  const settled = async () => {
    await until(async () => {
      const { position } = await app.engine.log.head();
      const status = app.engine.projector.status();
      const busy = app.engine.processes.status().some((process) => process.position < position);
      return (
        !busy &&
        status.every((each) => each.position >= position) &&
        (await app.engine.log.head()).position === position
      );
    });
    const [primary] = await ask<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn');
    await until(async () => {
      const [row] = await database.replica.ask<{ done: boolean }>(
        `select pg_last_wal_replay_lsn() >= '${primary?.lsn}'::pg_lsn as done`,
      );
      return row?.done ?? false;
    });
  };

  /** What Ottoline does, and what is done for her. @returns her id. */
  async function live(): Promise<string> {
    const staff = { token: await staffToken() };
    const { aggregateId: id } = await registerCustomer(app, { name: FORMER_NAME, email: EMAIL }, staff);
    const own = { token: await customerToken(id) };
    await accepted(app, 'renameCustomer', { customerId: id, name: NAME }, own);
    const product = await registerProduct(app, {}, staff);
    await receiveStock(app, product.aggregateId, 1000, staff);
    const shop = { customerId: id, productId: product.aggregateId };
    const address = { line1: STREET, city: CITY, postalCode: 'QT17 1AA', country: 'GB' };
    const order = await placeOrder(app, shop, { shippingAddress: address }, own);
    await settled();
    await accepted(app, 'cancelOrder', { orderId: order.aggregateId, reason: REASON }, own);
    const note = await accepted(app, 'createNote', { title: TITLE, content: DRAFT, tags: [TAG] }, own);
    await accepted(app, 'editNote', { noteId: note.aggregateId, content: CONTENT }, own);
    await accepted(app, 'registerAuthor', { id, displayName: NAME }, own);
    const article = await accepted(
      app,
      'publishArticle',
      { authorId: id, title: ARTICLE, body: BODY, tags: [TAG] },
      own,
    );
    await accepted(app, 'comment', { articleId: article.aggregateId, body: COMMENT }, own);
    const other = await registerCustomer(app, { name: OTHER, email: 'bartholomew@example.org' }, staff);
    await placeOrder(app, { ...shop, customerId: other.aggregateId }, {}, staff);
    await settled();
    return id;
  }

  it('is nowhere any more: not in the database, a dump, a replica, a rebuild, a message or an old backup', async () => {
    const id = await live();
    const before = await readRows(database.sql);
    const old = await dump('old.sql');
    // The search finds what is there, or it would prove nothing.
    expect(new Set((await findInDatabase(ask, PERSONAL)).map(({ value }) => value))).toEqual(new Set(SHOWN));
    expect(findInText(await readFile(old, 'utf8'), PERSONAL)).toEqual(SHOWN);
    // The log is encrypted already.
    expect((await findInDatabase(ask, PERSONAL)).filter(({ where }) => where.startsWith('es.'))).toEqual([]);

    const feed = open('WebSocket', { token: await staffToken() }).subscribe(
      'subscription ($id: ID!) { customerUpdated(id: $id) { name email } }',
      { id },
    );
    expect(await feed.next()).toMatchObject({ data: { customerUpdated: { name: NAME } } });
    const live$ = open('WebSocket', { token: await staffToken() }).subscribe(
      'subscription ($id: ID!) { live { customer(id: $id) { name email } } }',
      { id },
    );
    expect(await live$.next()).toMatchObject({ data: { live: { customer: { name: NAME } } } });

    const erased = await app.query(
      `mutation ($subject: String!) { eraseSubject(subject: $subject, reason: "They asked for it.") {
        __typename ... on SubjectErasure { subject position } ... on Error { code message } } }`,
      { subject: `customer/${id}` },
      { token: await accessToken('root', ['admin']) },
    );
    expect(erased.data).toMatchObject({ eraseSubject: { __typename: 'SubjectErasure', subject: `customer/${id}` } });
    await app.engine.subjects.settled();
    await settled();

    expect(await findInDatabase(ask, PERSONAL)).toEqual([]);
    expect(await findInDatabase((statement) => database.replica.ask(statement), PERSONAL)).toEqual([]);
    const now = await readFile(await dump('new.sql'), 'utf8');
    expect(findInText(now, PERSONAL)).toEqual([]);
    expect(findInText(now, [OTHER])).toEqual([OTHER]);
    expect(await feed.next()).toMatchObject({ data: { customerUpdated: { name: '[erased]' } } });
    expect(await live$.next()).toMatchObject({ data: { live: { customer: { name: '[erased]' } } } });

    // The same rows as before, minus what was erased.
    const after = await readRows(database.sql);
    expect([...after.keys()].toSorted()).toEqual(expect.arrayContaining([...before.keys()].toSorted()));
    for (const [key, row] of before) {
      // The workspace of a note is personal, and only `default` here: not a value that can be searched for.
      const kept = Object.entries(row).filter(
        ([column, value]) => column !== 'workspace_id' && findInText(JSON.stringify(value), PERSONAL).length === 0,
      );
      expect(after.get(key), key).toMatchObject(Object.fromEntries(kept));
    }
    // A rebuild gives the same rows.
    for (const projection of app.engine.registry.projections.values())
      await app.engine.projector.rebuilds.begin(projection);
    await until(async () => (await database.sql`select from read.checkpoints where kind = 'rebuild'`).length === 0);
    expect(await readRows(database.sql)).toEqual(after);
    expect(await findInDatabase(ask, PERSONAL)).toEqual([]);
  });

  it('stays forgotten if an old backup is restored, with the keyring of now', async () => {
    await database.primary.ask('create database restored');
    const url = database.primary.url('restored');
    await run(join(bin, 'psql'), ['--quiet', '--dbname', url, '--file', join(folder, 'old.sql')]);
    const askRestored = <Row extends object>(statement: string) => database.primary.ask<Row>(statement, 'restored');
    // The read models in an old backup are as they were. The log in it is not readable any more.
    expect(await findInDatabase(askRestored, PERSONAL)).not.toEqual([]);
    const engine = await openRestored({ url, keyring, start: true });
    await until(async () => (await findInDatabase(askRestored, PERSONAL)).length === 0, { deadline: 60_000 });
    expect(await findInDatabase(askRestored, [OTHER])).not.toEqual([]);
    const sql = connect(url, 1);
    expect(await sql`select data->>'subject' as subject from es.events where type = 'SubjectErased'`).toHaveLength(1);
    await sql.end();
    await engine.close();
  });

  it('cannot be read in a backup without the rows of read models, which are made again from the log', async () => {
    const bare = await dump(
      'bare.sql',
      ...['*_v[0-9]*', 'checkpoints', 'dead_letters', 'parked_items'].map(
        (table) => `--exclude-table-data=read.${table}`,
      ),
    );
    expect(findInText(await readFile(bare, 'utf8'), [OTHER])).toEqual([]);
    await database.primary.ask('create database bare');
    const url = database.primary.url('bare');
    await run(join(bin, 'psql'), ['--quiet', '--dbname', url, '--file', bare]);
    const engine = await openRestored({ url, keyring, start: true });
    const { position } = await engine.log.head();
    await Promise.all(
      engine.projector.positions.names.map((name) => engine.projector.positions.reached(name, position)),
    );
    const sql = connect(url, 1);
    const [rows, original] = [await readRows(sql), await readRows(database.sql)];
    await sql.end();
    await engine.close();
    expect(rows).toEqual(original);
  });

  it('leaves the chain of the log as it was', async () => {
    const events = await database.sql<{ position: number; hash: Buffer; content: string }[]>`
      select position, hash, es.event_content(e) as content from es.events e order by position`;
    const sha = (...parts: (Buffer | string | number)[]) => {
      const bytes = parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part as string)));
      return createHash('sha256').update(Buffer.concat(bytes)).digest();
    };
    expect(events.length).toBeGreaterThan(10);
    for (const [nth, { hash, content, position }] of events.entries()) {
      const before = events[nth - 1]?.hash;
      if (before) expect(hash.equals(sha(2, before, sha(0, content))), `position ${position}`).toBe(true);
    }
  });
});
