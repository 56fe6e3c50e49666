import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAfterwrite } from '../../../client/src/index.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';
import { freePort, ServerProcess, statusOf } from '../process/server-process.ts';
import { useBrowser } from './browser.ts';
import { ShopPage } from './shop-page.ts';

const WINDOWS = [
  { width: 1366, height: 768 },
  { width: 390, height: 844 },
];

/** Orders that are placed elsewhere, so that the list of the staff has a second page. */
const ELSEWHERE = 12;

/** The first start in a clone installs the packages of the page, beside other tests. */
const INSTALL_MS = 120_000;

describe.skipIf(lacks('chromium'))('npm run example', { timeout: 120_000 + INSTALL_MS }, () => {
  const browser = useBrowser();
  const database = useDatabase();

  it('serves a page on which customers order, the staff ships, and everybody sees it at once', async () => {
    const [port, pagePort] = [await freePort(), await freePort()];
    const settings = { DATABASE_URL: database.url, PORT: String(port), PAGE_PORT: String(pagePort) };
    const example = await new ServerProcess(settings, ['examples/shop-page/start.ts']).started(INSTALL_MS);
    const url = `http://127.0.0.1:${pagePort}`;
    expect(example.stdout).toContain(url);
    const open = async () => {
      const { page, complaints } = await browser.open();
      const shop = new ShopPage(page, url);
      await shop.open();
      return { shop, page, complaints };
    };

    const { shop: ada, page, complaints } = await open();
    await ada.product('Blue teapot', '12 in stock').waitFor();
    await ada.signInAs('Ada, customer');
    await ada.putIntoBasket('Earl Grey', 1);
    await ada.press('Remove Earl Grey');
    await ada.putIntoBasket('Blue teapot', 2);
    const first = await ada.placeOrder();
    await ada.order('confirmed').waitFor();
    await ada.step('Payment authorized').waitFor();

    const staff = await open();
    const { shop: sam } = staff;
    await sam.product('Blue teapot', '10 in stock').waitFor();
    await sam.signInAs('Sam, staff');
    await sam.goTo('All orders');
    await sam.rows.filter({ hasText: first }).filter({ hasText: 'Ada' }).waitFor();
    await placeOrders(url, `${example.url}/graphql`, ELSEWHERE);
    await sam.text(`${ELSEWHERE + 1} orders`).waitFor();
    expect(await sam.rows.count()).toBe(10);
    await sam.press('Older');
    await until(async () => (await sam.rows.count()) === ELSEWHERE + 1 - 10);
    await sam.openOrder(first);
    await sam.button('Ship the order').waitFor();
    expect(await sam.failures()).toBe('');
    await sam.press('Ship the order');
    await ada.order('Royal Mail').waitFor();
    await sam.press('Confirm the delivery');
    await ada.order('delivered').waitFor();

    // The past beside the present, which stays.
    const former = await ada.travelTo(1);
    await former.filter({ hasText: 'placed' }).waitFor();
    expect(await ada.order('delivered').count()).toBe(1);

    for (const link of [undefined, 'My orders', 'Catalogue']) {
      if (link) await ada.goTo(link);
      for (const window of WINDOWS) {
        await page.setViewportSize(window);
        expect([link, window, await ada.overflows()]).toEqual([link, window, false]);
      }
    }
    expect([...complaints, ...staff.complaints]).toEqual([]);

    // Ada loses the connection, and has it back.
    onTestFinished(() => page.context().setOffline(false));
    await page.context().setOffline(true);
    await ada.putIntoBasket('Earl Grey', 1);
    const offline = await ada.placeOrder();
    await ada.connection.filter({ hasText: 'Offline' }).filter({ hasText: '1 change waits' }).waitFor();
    await page.context().setOffline(false);
    await ada.order('confirmed').waitFor();
    await ada.press('Cancel the order');
    await ada.order('cancelled').waitFor();
    await until(async () => (await ada.connection.textContent()) === '');

    // The server is away: an order waits, also over a reload.
    let isAway = true;
    await page.route(`${example.url}/graphql`, (route) => (isAway ? route.abort() : route.continue()));
    await page.routeWebSocket(`${example.url.replace('http', 'ws')}/graphql`, (socket) => {
      if (isAway) void socket.close();
      else socket.connectToServer();
    });
    await ada.goTo('Catalogue');
    await ada.putIntoBasket('Earl Grey', 1);
    await ada.placeOrder();
    await ada.connection.filter({ hasText: '1 change waits' }).waitFor();
    await page.reload();
    await ada.text('The order waits. It is sent as soon as the server can be reached.').waitFor();
    await ada.connection.filter({ hasText: 'The server cannot be reached' }).waitFor();
    isAway = false;
    await ada.order('confirmed').waitFor();
    await until(async () => (await ada.connection.textContent()) === '');

    await sam.goTo('All orders');
    await sam.chooseStatus('cancelled');
    await sam.rows.filter({ hasText: offline }).waitFor();
    await until(async () => (await sam.rows.count()) === 1);

    example.kill('SIGINT');
    expect(await example.exited).toEqual({ code: 0, signal: null });
    expect([await statusOf(url), await statusOf(example.url)]).toEqual([undefined, undefined]);

    // Its code compiles too, now that its packages are there.
    const { stdout } = await promisify(execFile)(process.execPath, [
      'node_modules/typescript/bin/tsc',
      ...['-p', 'examples/shop-page', '--singleThreaded'],
    ]).catch((error: { readonly stdout: string }) => error);
    expect(stdout).toBe('');
  });
});

/** Places orders of a customer, without a browser. */
async function placeOrders(page: string, api: string, count: number): Promise<void> {
  const [grace] = (await import('../../../examples/shop-page/src/api/people.ts')).PEOPLE.slice(1);
  const signIn = await fetch(`${page}/sign-in?as=${grace?.id}`, { method: 'POST' });
  const token = await signIn.text();
  const afterwrite = createAfterwrite({ url: api, auth: () => token });
  const { data } = await afterwrite.query('{ products(first: 1) { nodes { id } } }');
  const [product] = (data as { products: { nodes: { id: string }[] } }).products.nodes;
  const shippingAddress = { line1: '1 High Street', city: 'York', postalCode: 'YO1 7HH', country: 'United Kingdom' };
  const items = [{ productId: product?.id, quantity: 1 }];
  for (let nth = 0; nth < count; nth++) {
    const input = { id: randomUUID(), customerId: grace?.id, items, shippingAddress };
    await afterwrite.command(
      `mutation ($input: PlaceOrderInput!, $commandId: ID) {
         placeOrder(input: $input, commandId: $commandId) { __typename ... on CommandReceipt { token } ... on Error { code message } }
       }`,
      { input },
    );
  }
  afterwrite.close();
}
