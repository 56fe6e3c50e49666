import { deepStrictEqual } from 'node:assert/strict';
import postgres from 'postgres';
import type { Benchmark } from './support/measuring/benchmark.ts';
import { cpuOf, startChild } from './support/measuring/child.ts';
import { inPasses } from './support/measuring/passes.ts';
import { atLeast, type Ratio, ratio } from './support/measuring/result.ts';
import { callsPerSecond, cpuPerCall, inTurn } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { type BenchApi, commandDocument, openApi } from './support/running/api.ts';
import { prepareDatabase } from './support/running/engine.ts';
import { OrderReader, ownDocuments, postgraphileDocuments } from './support/workloads/order-reader.ts';
import { fillShop, SHOP } from './support/workloads/orders.ts';

const CALLERS = 32;
/** Connections to the database that each contender has: as many as the product's server has for queries by default. */
const CONNECTIONS = 10;
/** Turns are short, and many: what else the machine does changes from moment to moment. */
const SLICE_MS = 100;
const PASSES_PER_S = 8;
/** CPU time is counted in steps of 10 ms. */
const CPU_MS = 1000;
const ORDERS = 20_000;

/** Reads of one order and of a page of orders over HTTP, beside others that read the same rows. */
export const benchmark: Benchmark = {
  name: 'read',
  run: async ({ postgres: server, rounds, seconds, quick, say }) => {
    const url = await prepareDatabase(server, 'read');
    const { customerId, orderIds } = await fillShop(url, quick ? 200 : ORDERS);
    const api = await openApi(url, { domains: SHOP, settings: { READER_CONNECTIONS: String(CONNECTIONS) } });
    const production = { NODE_ENV: 'production', GRAPHILE_ENV: 'production' };
    const database = { DATABASE_URL: url, CONNECTIONS: String(CONNECTIONS) };
    const startPeer = (name: string) =>
      startChild<{ url: string }>(new URL(`./peers/${name}.ts`, import.meta.url), { ...production, ...database });
    const [graphile, yoga, plain] = await Promise.all([
      startPeer('postgraphile'),
      startPeer('yoga'),
      startPeer('plain'),
    ]);
    const token = await caughtUp(url, api, customerId);
    const connections = CALLERS;
    const ours = new OrderReader(api.url, ownDocuments(), { connections });
    const oursAfter = new OrderReader(api.url, ownDocuments({ withToken: true }), { connections, more: { token } });
    const oursJson = new OrderReader(api.url, ownDocuments({ withJson: true }), { connections });
    const theirs = new OrderReader(graphile.started.url, postgraphileDocuments(), { connections });
    const theirsJson = new OrderReader(graphile.started.url, postgraphileDocuments({ withJson: true }), {
      connections,
    });
    const bare = new OrderReader(yoga.started.url, ownDocuments(), { connections });
    const driver = new OrderReader(plain.started.url, ownDocuments(), { connections });
    const constant = new OrderReader(plain.started.url, ownDocuments(), { connections, path: '/constant' });
    const stored = new OrderReader(plain.started.url, ownDocuments(), { connections, path: '/stored' });
    const readers = [ours, oursAfter, oursJson, theirs, theirsJson, bare, driver, constant, stored];
    try {
      await compare([ours, oursAfter, theirs, driver], orderIds);
      await Promise.all([oursJson.walk(), theirsJson.walk()]);
      const turns = { rounds, passes: quick ? 2 : seconds * PASSES_PER_S };
      const measure = (call: () => Promise<unknown>) => () => callsPerSecond(CALLERS, SLICE_MS, call);
      const anId = () => orderIds[Math.floor(Math.random() * orderIds.length)] as string;
      const nothing = (reader: OrderReader) => measure(() => reader.post('query Nothing { nothing }', {}));
      const one = { chart: 'Reading an order by its id', at: '', unit: 'requests/s' } as const;
      const page = { chart: 'Reading 20 orders', at: '', unit: 'requests/s' } as const;
      const who = {
        ours: 'Afterwrite',
        oursAfter: 'Afterwrite, with a token',
        oursJson: 'Afterwrite, with JSON',
        theirs: 'PostGraphile',
        theirsJson: 'PostGraphile, with JSON',
        bare: 'bare Yoga, a constant',
        driver: 'postgres.js, no GraphQL',
        constant: 'node:http, a constant',
        stored: 'node:http, a stored page',
      };
      const ones = await inPasses(
        [
          { ...one, who: who.ours, run: measure(() => ours.order(anId())) },
          { ...one, who: who.oursAfter, run: measure(() => oursAfter.order(anId())) },
          { ...one, who: who.theirs, run: measure(() => theirs.order(anId())) },
          { ...one, who: who.bare, run: nothing(bare) },
          { ...one, who: who.driver, run: measure(() => driver.order(anId())) },
          { ...one, who: who.constant, run: nothing(constant) },
        ],
        turns,
        say,
      );
      const pages = await inPasses(
        [
          { ...page, who: who.ours, run: measure(() => ours.page()) },
          { ...page, who: who.oursAfter, run: measure(() => oursAfter.page()) },
          { ...page, who: who.theirs, run: measure(() => theirs.page()) },
          { ...page, who: who.driver, run: measure(() => driver.page()) },
          { ...page, who: who.oursJson, run: measure(() => oursJson.page()) },
          { ...page, who: who.theirsJson, run: measure(() => theirsJson.page()) },
          { ...page, who: who.stored, run: measure(() => stored.page()) },
        ],
        turns,
        say,
      );
      const cpuMs = quick ? SLICE_MS : CPU_MS;
      const cpu = (call: () => Promise<unknown>, used: () => Promise<number>) => () =>
        cpuPerCall(CALLERS, cpuMs, call, used);
      const cpuOfOne = { chart: 'CPU of the server for an order by its id', at: '', unit: 'µs' } as const;
      const cpuOfPage = { chart: 'CPU of the server for 20 orders', at: '', unit: 'µs' } as const;
      const cpus = await inTurn(
        [
          { ...cpuOfOne, who: who.ours, run: cpu(() => ours.order(anId()), api.cpu) },
          {
            ...cpuOfOne,
            who: who.theirs,
            run: cpu(
              () => theirs.order(anId()),
              () => cpuOf(graphile),
            ),
          },
          {
            ...cpuOfOne,
            who: who.driver,
            run: cpu(
              () => driver.order(anId()),
              () => cpuOf(plain),
            ),
          },
          { ...cpuOfPage, who: who.ours, run: cpu(() => ours.page(), api.cpu) },
          {
            ...cpuOfPage,
            who: who.theirs,
            run: cpu(
              () => theirs.page(),
              () => cpuOf(graphile),
            ),
          },
          {
            ...cpuOfPage,
            who: who.driver,
            run: cpu(
              () => driver.page(),
              () => cpuOf(plain),
            ),
          },
          { ...cpuOfPage, who: who.oursJson, run: cpu(() => oursJson.page(), api.cpu) },
          {
            ...cpuOfPage,
            who: who.theirsJson,
            run: cpu(
              () => theirsJson.page(),
              () => cpuOf(graphile),
            ),
          },
        ],
        rounds,
        say,
      );
      const toPostgraphile = ratio(ones[0], ones[2]);
      const toWithout = ratio(ones[1], ones[0]);
      const pageToPostgraphile = ofPages(ratio(pages[0], pages[2]));
      return {
        benchmark: 'read',
        setting:
          `GraphQL over HTTP: POST with query and variables over ${CALLERS} connections that are kept alive, ` +
          `${SLICE_MS} ms in turn, ${turns.passes} times a round, of which the median is taken, ${rounds} rounds; ${orderIds.length.toLocaleString('en')} orders, another id or page each ` +
          `time, of each order the same 9 columns. Each server is one process with ${CONNECTIONS} connections to the ` +
          'database; the token is of the last event, and reached. PostGraphile: the Amber preset in a node:http ' +
          'server, as in production, over the same tables. Yoga: createYoga without plugins, answering a constant. ' +
          'postgres.js: a node:http server that runs the same prepared SELECT, without GraphQL. A constant or a stored page ' +
          'from node:http is the most that any server in Node can reach with this client, without reading or computing ' +
          'anything; client and database share what the server leaves of the cores.',
        measurements: [...ones, ...pages, ...cpus],
        ratios: [
          toPostgraphile,
          toWithout,
          ratio(ones[0], ones[3]),
          ratio(ones[0], ones[4]),
          pageToPostgraphile,
          ofPages(ratio(pages[1], pages[0])),
          ofPages(ratio(pages[0], pages[3])),
          ofPages(ratio(pages[4], pages[5])),
          // The most that can be reached.
          ratio(ones[5], ones[2]),
          ofPages(ratio(pages[3], pages[2])),
          ofPages(ratio(pages[6], pages[2])),
        ],
        goals: [
          atLeast(1, "times PostGraphile's reads by id", median(toPostgraphile.rounds)),
          atLeast(1, "times PostGraphile's pages of 20", median(pageToPostgraphile.rounds)),
          atLeast(0.95, 'times as many reads by id with a token as without', median(toWithout.rounds)),
        ],
      };
    } finally {
      await Promise.all(readers.map((reader) => reader.close()));
      await Promise.all([api.close(), graphile.end(), yoga.end(), plain.end()]);
    }
  },
};

/** Pages have the same contenders as reads by id. */
function ofPages(found: Ratio): Ratio {
  return { ...found, of: `20 orders: ${found.of}` };
}

/** Waits until all orders can be read, and for Postgres to know its tables. @returns the token of the last event. */
async function caughtUp(url: string, api: BenchApi, customerId: string): Promise<string> {
  const rename = commandDocument('renameCustomer', 'RenameCustomerInput');
  const { token } = await api.command(rename, { customerId, name: 'Ada Lovelace' });
  const last =
    'query ($token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 10000) { orders { __typename } }';
  await api.request(last, { token });
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql`vacuum analyze`;
  await sql.end();
  return token;
}

/** Lets every contender read everything once. @throws if they do not find the same. */
async function compare(readers: readonly OrderReader[], orderIds: readonly string[]): Promise<void> {
  const [lists, orders] = await Promise.all([
    Promise.all(readers.map((reader) => reader.walk())),
    Promise.all(readers.map((reader) => reader.comparable(orderIds[0] as string))),
  ]);
  if (lists[0]?.length !== orderIds.length) throw new Error(`There are ${lists[0]?.length} orders to read.`);
  for (const list of lists) deepStrictEqual(list, lists[0]);
  for (const order of orders) deepStrictEqual(order, orders[0]);
}
