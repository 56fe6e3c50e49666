import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readOperations } from '../../../src/server/graphiql/operations.ts';
import { Placeholders } from '../../../src/server/graphiql/placeholders.js';
import { operations } from '../../../src/shop/operations.ts';
import { staffToken, WITH_AUTH } from '../../support/client/tokens.ts';
import { type TestApp, useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { useBrowser } from './browser.ts';
import { GraphiqlPage } from './graphiql-page.ts';

/** A text in the answer to each document, or in the first message of a subscription. */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  RegisterCustomer: ['"aggregateId"', '"version": 1'],
  StockProduct: ['"version": 2'],
  PlaceOrder: ['"amount": 3998', '"name": "Ada Lovelace"', '"replayed": false'],
  ReadMyOrder: ['"itemCount": 2'],
  LiveOrders: ['"live"', '"name": "Ada Lovelace"'],
  CaughtUp: ['"projection"', '"waitedMs"'],
  OrderUpdated: ['"orderUpdated"', '"itemCount": 2'],
  Fulfilment: ['"ORDER_PLACED"'],
  ShipOrder: ['"status": "SHIPPED"', '"carrier": "Royal Mail"'],
  DeliverOrder: ['"replayed": false', '"again"', '"replayed": true'],
  CancelOrder: ['"status": "CANCELLED"', '"cancellationReason": "Ordered the wrong colour."'],
  ListOrders: ['"totalCount"', '"status": "DELIVERED"'],
  ListCatalogue: ['"sku": "TEA-0042"', '"email": "ada@example.com"'],
  OrderStatistics: ['"revenue"'],
  OrderHistory: ['"status": "DELIVERED"', '"status": "PLACED"'],
  MoveMoney: ['"from"', '"deposit"', '"transfer"'],
  ReadAccount: ['"DEPOSIT"', '"ice cream"', '"totalCount": 1'],
  WriteNote: ['"restoreNote"', '"version": 8'],
  FindNotes: ['"content": "Tea, milk"', '"content": "Tea, milk, a blue teapot"'],
  PublishArticle: ['"publishArticle"', '"renameAuthor"'],
  ReadArticles: ['"authorName": "Ada King"', '"body": "I have one."'],
  Projections: ['"name": "orders"', '"state": "RUNNING"'],
  AuditTrail: ['"eventType": "AuthorRenamed"'],
  ReadDeadLetters: ['"edges": []'],
};

describe.skipIf(lacks('chromium'))('GraphiQL in a browser', () => {
  const browser = useBrowser();

  async function open(app: TestApp) {
    const watched = await browser.open();
    const graphiql = new GraphiqlPage(watched.page);
    await graphiql.open(app.url);
    return { ...watched, graphiql };
  }

  describe('without authentication', () => {
    const app = useApp({ per: 'test' });

    /** Plays documents of the first session elsewhere, with what the page knows by then. */
    async function play(known: Readonly<Record<string, string>>, ...names: readonly string[]): Promise<void> {
      const placeholders = new Placeholders(known, randomUUID);
      for (const { name, query, variables } of readOperations(operations).filter((one) => names.includes(one.name))) {
        const answer = await app.query(query, placeholders.fill(JSON.parse(variables ?? '{}')));
        expect([name, answer.errors]).toEqual([name, undefined]);
      }
    }

    it('opens with a tab for each operation of the first session, each called after it', async () => {
      const { graphiql, page } = await open(app);
      expect(await page.title()).toBe('Afterwrite GraphiQL');
      expect(await graphiql.tabs.allInnerTexts()).toEqual(readOperations(operations).map(({ name }) => name));
    });

    it('shows all tabs at once on a small laptop, and the answer below the document on a phone', async () => {
      const { graphiql, page } = await open(app);
      await page.setViewportSize({ width: 1366, height: 768 });
      for (const tab of await graphiql.tabs.all()) {
        const { x = -1, y = -1, width = 0, height = 0 } = (await tab.boundingBox()) ?? {};
        expect(x >= 0 && y >= 0 && x + width <= 1366 && y + height <= 768, `${x}, ${y}`).toBe(true);
      }
      await page.setViewportSize({ width: 390, height: 844 });
      const answer = await graphiql.answer.boundingBox();
      expect(answer?.width).toBeGreaterThan(200);
      expect(answer?.y).toBeGreaterThan(300);
      expect((answer?.y ?? 0) + (answer?.height ?? 0)).toBeLessThanOrEqual(844);
      await graphiql.openManual('Mutation');
      expect((await graphiql.manual.boundingBox())?.width).toBeGreaterThan(300);
      await graphiql.closeManual();
      await graphiql.play();
      await graphiql.answered('"data"');
      // A token has hyphens in a row.
      const features = `getComputedStyle(document.querySelector('[aria-label="Result Window"] .view-line')).fontFeatureSettings`;
      expect(await page.evaluate(features)).toMatch(/"liga" 0/);
    });

    it('plays all documents from top to bottom on an empty store, and again, and asks nobody but the server for anything', async () => {
      const { graphiql, requests, complaints } = await open(app);
      for (const _ of ['on an empty store', 'again']) {
        for (const { name, query } of readOperations(operations)) {
          const isLive = /^subscription/m.test(query);
          const answer = await graphiql.answerTo(name, isLive ? 'live' : 'once');
          expect(answer, name).not.toMatch(/"errors"|"code"/);
          for (const text of ANSWERS[name] ?? ['an entry in ANSWERS']) expect(answer, name).toContain(text);
        }
      }
      const origins = requests.filter((url) => !url.startsWith('data:')).map((url) => new URL(url).origin);
      expect([...new Set(origins)].sort()).toEqual([app.url, app.url.replace('http', 'ws')].sort());
      expect(complaints).toEqual([]);
    });

    it('says what to do first if a document needs what another one makes', async () => {
      const { graphiql } = await open(app);
      await graphiql.run('ReadMyOrder');
      await graphiql.answered('Nothing is known of {{order}} yet: first play the documents before this one.');
    });

    it('can play the first document as it is opened', async () => {
      const { graphiql } = await open(app);
      await graphiql.play();
      await graphiql.answered('"aggregateId"', '"version": 1');
    });

    it('knows after a reload what the documents have made', async () => {
      const { graphiql } = await open(app);
      for (const name of ['RegisterCustomer', 'StockProduct', 'PlaceOrder']) await graphiql.answerTo(name);
      await graphiql.open(app.url);
      await graphiql.run('ReadMyOrder');
      await graphiql.answered('"itemCount": 2');
    });

    it('shows a list live while another window changes it', async () => {
      const { graphiql, complaints } = await open(app);
      for (const name of ['RegisterCustomer', 'StockProduct', 'PlaceOrder']) await graphiql.answerTo(name);
      await graphiql.run('LiveOrders');
      await graphiql.answered('"status": "CONFIRMED"', '"count": 1');
      const { graphiql: other } = await open(app);
      await other.answerTo('PlaceOrder');
      await graphiql.answered('"count": 2');
      expect(complaints).toEqual([]);
    });

    it('shows what happens elsewhere while a subscription runs, over WebSocket to the same origin', async () => {
      const { graphiql, requests, complaints } = await open(app);
      for (const name of ['RegisterCustomer', 'StockProduct', 'PlaceOrder']) await graphiql.answerTo(name);
      await graphiql.run('OrderUpdated');
      await graphiql.answered('"status": "CONFIRMED"');

      await play(await graphiql.known(), 'ShipOrder');
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
      await graphiql.answered('"nodes": []');
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
      await graphiql.setHeaders({ Authorization: `Bearer ${await staffToken()}` });
      for (const name of ['RegisterCustomer', 'StockProduct', 'PlaceOrder']) await graphiql.answerTo(name);
      await graphiql.openTab('OrderUpdated');
      await graphiql.setHeaders({ Authorization: 'Bearer nonsense' });
      await graphiql.play();
      await graphiql.answered('The access token is malformed');
    });
  });
});
