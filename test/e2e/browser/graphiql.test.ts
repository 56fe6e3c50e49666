import { describe, expect, it } from 'vitest';
import { readOperations } from '../../../src/server/graphiql/operations.ts';
import { operations } from '../../../src/shop/operations.ts';
import { staffToken, WITH_AUTH } from '../../support/client/tokens.ts';
import { type TestApp, useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { useBrowser } from './browser.ts';
import { GraphiqlPage } from './graphiql-page.ts';

/** The order of the first session. */
const ORDER = '33333333-3333-4333-8333-333333333333';

describe.skipIf(lacks('chromium'))('GraphiQL in a browser', { timeout: 60_000 }, () => {
  const browser = useBrowser();

  async function open(app: TestApp) {
    const watched = await browser.open();
    const graphiql = new GraphiqlPage(watched.page);
    await graphiql.open(app.url);
    return { ...watched, graphiql };
  }

  describe('without authentication', () => {
    const app = useApp({ per: 'test' });

    /** Plays documents of the first session elsewhere. */
    async function play(...names: readonly string[]): Promise<void> {
      for (const { name, query, variables } of readOperations(operations).filter((one) => names.includes(one.name))) {
        const answer = await app.query(query, JSON.parse(variables ?? '{}'));
        expect([name, answer.errors]).toEqual([name, undefined]);
      }
    }

    it('opens with a tab for each operation of the first session, each called after it', async () => {
      const { graphiql, page } = await open(app);
      expect(await page.title()).toBe('Afterwrite GraphiQL');
      expect(await graphiql.tabs.allInnerTexts()).toEqual(readOperations(operations).map(({ name }) => name));
    });

    it('plays the session, reads its own write, and asks nobody but the server for anything', async () => {
      const { graphiql, requests, complaints } = await open(app);
      await graphiql.run('Projections');
      await graphiql.answered('"name": "orders"', '"state": "RUNNING"');
      await graphiql.run('RegisterCustomer');
      await graphiql.answered('"version": 1');
      await graphiql.run('StockProduct');
      await graphiql.answered('"version": 2');
      await graphiql.run('PlaceOrder');
      await graphiql.answered('"status": ', '"amount": 3998', '"name": "Ada Lovelace"', '"replayed": false');
      await graphiql.run('ListOrders');
      await graphiql.answered(ORDER);

      const origins = requests.filter((url) => !url.startsWith('data:')).map((url) => new URL(url).origin);
      expect([...new Set(origins)]).toEqual([app.url]);
      expect(complaints).toEqual([]);
    });

    it('answers a document that is run again with a reason or a replay', async () => {
      const { graphiql } = await open(app);
      await play('RegisterCustomer', 'StockProduct', 'PlaceOrder', 'ConfirmOrder', 'ShipOrder', 'DeliverOrder');
      await graphiql.run('RegisterCustomer');
      await graphiql.answered('CUSTOMER_ALREADY_REGISTERED');
      await graphiql.run('PlaceOrder');
      await graphiql.answered('"replayed": true', '"status": "DELIVERED"');
      await graphiql.run('DeliverOrder');
      await graphiql.answered('ORDER_ALREADY_DELIVERED');
      await graphiql.run('ReadMyOrder');
      await graphiql.answered('INVALID_TOKEN');
    });

    it('shows what happens elsewhere while a subscription runs, over WebSocket to the same origin', async () => {
      await play('RegisterCustomer', 'StockProduct', 'PlaceOrder');
      const { graphiql, requests, complaints } = await open(app);
      await graphiql.run('OrderUpdated');
      await graphiql.answered('"status": "CONFIRMED"');

      await play('ConfirmOrder', 'ShipOrder');
      await graphiql.answered('"status": "SHIPPED"', '"carrier": "Royal Mail"');

      await graphiql.stop();
      expect(requests.filter((url) => url.startsWith('ws'))).toEqual([`${app.url.replace('http', 'ws')}/graphql`]);
      expect(complaints).toEqual([]);
    });

    it('has the descriptions of the schema as its manual', async () => {
      const { graphiql } = await open(app);
      await graphiql.openManual('Mutation');
      await graphiql.manual
        .filter({ hasText: 'Commands. Each returns a receipt, or the reason why it was not accepted.' })
        .waitFor();
    });

    it('comes back after a reload with the tab that was open, and no more tabs than there were', async () => {
      const { graphiql } = await open(app);
      await graphiql.run('OrderStatistics');
      await graphiql.answered('"orderStatistics"');
      await graphiql.openTab('ShipOrder');
      await graphiql.remembered(readOperations(operations).findIndex(({ name }) => name === 'ShipOrder'));
      await graphiql.open(app.url);
      await graphiql.opened('ShipOrder');
      expect(await graphiql.tabs.count()).toBe(readOperations(operations).length);
    });
  });

  describe('on a server that checks tokens', () => {
    const app = useApp({ env: WITH_AUTH, per: 'test' });

    it('signs in with the headers of one tab in all of them, over HTTP and WebSocket', async () => {
      const { graphiql, complaints } = await open(app);
      await graphiql.run('ListOrders');
      await graphiql.answered('UNAUTHENTICATED');

      await graphiql.setHeaders({ Authorization: `Bearer ${await staffToken()}` });
      await graphiql.play();
      await graphiql.answered('"edges": []');
      for (const name of ['RegisterCustomer', 'StockProduct', 'PlaceOrder']) {
        await graphiql.run(name);
        await graphiql.answered('"aggregateId"');
      }
      await graphiql.run('OrderUpdated');
      await graphiql.answered('"status": "CONFIRMED"');
      expect(complaints).toEqual([]);
    });

    it('says why a subscription is refused', async () => {
      const { graphiql } = await open(app);
      await graphiql.openTab('OrderUpdated');
      await graphiql.setHeaders({ Authorization: 'Bearer nonsense' });
      await graphiql.play();
      await graphiql.answered('The access token is malformed');
    });
  });
});
