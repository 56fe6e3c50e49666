import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { deposit, openAccount, transfer, withdraw } from '../../src/domains/accounts/index.ts';
import { comment, publishArticle, registerAuthor, renameAuthor, tagArticle } from '../../src/domains/articles/index.ts';
import { registerCustomer, renameCustomer } from '../../src/domains/customers/index.ts';
import { domains } from '../../src/domains/index.ts';
import {
  archiveNote,
  createNote,
  editNote,
  renameNote,
  restoreNote,
  revertNote,
  tagNote,
  untagNote,
} from '../../src/domains/notes/index.ts';
import {
  addOrderItem,
  cancelOrder,
  confirmDelivery,
  confirmOrder,
  placeOrder,
  removeOrderItem,
  shipOrder,
} from '../../src/domains/orders/index.ts';
import { changeProductPrice, receiveStock, registerProduct } from '../../src/domains/products/index.ts';
import type { Command, InputOf } from '../../src/kernel/define/command.ts';
import { receiptOf } from '../support/kernel/appends.ts';
import { system } from '../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../support/kernel/engine.ts';
import { everyEvent } from '../support/kernel/log.ts';
import { expectedRows, rowsOf } from '../support/kernel/rows.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { useGateway } from '../support/server/gateway.ts';
import { until } from '../support/until.ts';
import { runCli, useFolder } from './support.ts';

const invoices = ['untidy', 'online-retail-sample'].map((name) =>
  fileURLToPath(new URL(`../shop/import/fixtures/${name}.csv`, import.meta.url)),
);

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, domains);
const openGateway = useGateway(database);
const folder = useFolder();
const cli = (...args: string[]) => runCli(database.url, args);
const gbp = (amount: number) => ({ amount, currency: 'GBP' });
/** A personal value. Only its own read model may show it. */
const secret = (what: string) => `personal ${what}`;

/** Issues every command of every domain. */
async function issueEverything({ bus }: TestEngine): Promise<void> {
  const run = async <C extends Command>(command: C, input: InputOf<C>): Promise<string> =>
    receiptOf(await bus.execute(command, input, system)).aggregateId;

  const customerId = await run(registerCustomer, { name: secret('name'), email: 'personal@example.org' });
  await run(renameCustomer, { customerId, name: secret('other name') });
  const product = (sku: string) => run(registerProduct, { sku, name: sku, price: gbp(1999) });
  const [teapot, cup] = [await product('TEAPOT'), await product('CUP')];
  for (const productId of [teapot, cup]) await run(receiveStock, { productId, quantity: 100 });
  await run(changeProductPrice, { productId: cup, price: gbp(300) });
  const shippingAddress = {
    ...{ line1: secret('street'), line2: secret('floor'), city: secret('city') },
    ...{ postalCode: secret('code'), country: secret('country') },
  };
  // The gateway is slow, so that people are faster than the fulfilment.
  const order = () =>
    run(placeOrder, {
      customerId,
      items: [{ productId: teapot, quantity: 2 }],
      shippingAddress,
      paymentMethod: 'tok_slow',
    });
  const [delivered, cancelled] = [await order(), await order()];
  await run(addOrderItem, { orderId: delivered, productId: cup, quantity: 6 });
  await run(removeOrderItem, { orderId: delivered, productId: teapot });
  await run(confirmOrder, { orderId: delivered });
  await run(shipOrder, { orderId: delivered, carrier: secret('carrier'), trackingNumber: secret('parcel') });
  await run(confirmDelivery, { orderId: delivered });
  await run(cancelOrder, { orderId: cancelled, reason: secret('reason') });

  const account = (currency: string) => run(openAccount, { owner: secret('owner'), currency });
  const [from, to, euros] = [await account('GBP'), await account('GBP'), await account('EUR')];
  const reference = secret('reference');
  await run(deposit, { accountId: from, amount: gbp(1000), reference });
  await run(withdraw, { accountId: from, amount: gbp(100), reference });
  const send = (toAccountId: string, amount: number) =>
    run(transfer, { fromAccountId: from, toAccountId, amount: gbp(amount), reference });
  // One that arrives, one that comes back, and one that cannot be paid.
  await Promise.all([send(to, 300), send(euros, 50), send(to, 100_000)]);

  const note = {
    title: secret('title'),
    content: secret('content'),
    tags: [secret('tag')],
    workspaceId: secret('workspace'),
  };
  const noteId = await run(createNote, note);
  await run(renameNote, { noteId, title: secret('other title') });
  await run(editNote, { noteId, content: secret('other content') });
  await run(tagNote, { noteId, tag: secret('another tag') });
  await run(untagNote, { noteId, tag: secret('tag') });
  await run(revertNote, { noteId, version: 1 });
  await run(archiveNote, { noteId });
  await run(restoreNote, { noteId });

  const authorId = await run(registerAuthor, {
    displayName: secret('author'),
    avatarUrl: 'https://example.org/personal',
  });
  const text = {
    title: secret('title'),
    body: secret('body'),
    tags: [secret('tag')],
    workspaceId: secret('workspace'),
  };
  const articleId = await run(publishArticle, { authorId, ...text });
  await run(tagArticle, { articleId, tag: secret('other tag') });
  await run(comment, { articleId, body: secret('comment') });
  await run(renameAuthor, { authorId, displayName: secret('other author') });
}

/** No work is in progress, and every read model and process has reached the end of the log. */
async function settled({ log }: TestEngine): Promise<number> {
  await until(
    async () => {
      const { position } = await log.head();
      const [ended] = await database.sql`
        select count(*)::int as transfers from es.events where type in ('TransferCompleted', 'TransferFailed', 'TransferRefunded')`;
      const behind = await database.sql`select projection from read.checkpoints where position <> ${position}`;
      return ended?.transfers === 3 && behind.length === 0;
    },
    { deadline: 60_000 },
  );
  return (await log.head()).position;
}

it('after an import and every command of every domain, all read models are right, and the same when they are rebuilt', {
  timeout: 240_000,
}, async () => {
  const { adapters } = await openGateway();
  const engine = await openEngine({ start: true, adapters });
  for (const file of invoices) {
    const path = join(await folder(), 'invoices.csv');
    await copyFile(file, path);
    const { code, stderr } = await cli('import', 'online-retail', path);
    expect(code, stderr).toBe(0);
  }
  await issueEverything(engine);
  const head = await settled(engine);

  const kinds = await database.sql<{ type: string }[]>`select distinct type from es.events`;
  // Many steps of a fulfilment happen only after a failure.
  const straight = domains.filter(({ name }) => name !== 'fulfilment');
  const own = straight.flatMap(({ aggregates, processes = [] }) => [
    ...aggregates.flatMap(({ events }) => Object.keys(events)),
    ...processes.flatMap(({ aggregate }) => Object.keys(aggregate.events)),
  ]);
  const happened = new Set(kinds.map(({ type }) => type));
  // No process of these sets itself a deadline.
  expect(own.filter((type) => !happened.has(type) && !type.startsWith('Deadline'))).toEqual([]);

  const events = await everyEvent(engine.log);
  const projections = [...engine.registry.projections.values()];
  const tables = () => Promise.all(projections.map((projection) => rowsOf(engine.database.projector.db, projection)));
  const before = await tables();
  for (const [nth, projection] of projections.entries()) {
    expect(before[nth], projection.name).toEqual(expectedRows(projection, events));
    if (projection.name !== 'deadlines') expect(before[nth]?.length, projection.name).toBeGreaterThan(0);
  }
  const [trail] = await database.sql`
    select count(*)::int as entries, count(*) filter (where summary like '%personal%')::int as personal from read.audit_trail_v1`;
  expect(trail).toEqual({ entries: head, personal: 0 });

  const rebuilt = await cli('projections', 'rebuild', '--all');
  expect(rebuilt.code, rebuilt.stderr).toBe(0);
  for (const { name } of projections) expect(rebuilt.stdout).toContain(`${name}: rebuilt.`);
  expect(await settled(engine)).toBe(head);
  expect(await tables()).toEqual(before);

  const verified = await cli('projections', 'verify', '--all');
  expect(verified.code, verified.stdout).toBe(0);
  for (const [nth, { name }] of projections.entries()) {
    const rows = before[nth]?.length;
    expect(verified.stdout).toMatch(
      new RegExp(
        `^${name}: ${rows?.toLocaleString('en')} rows? at position ${head.toLocaleString('en')}, as the log says`,
        'm',
      ),
    );
  }
  expect(engine.faults).toEqual([]);
});
