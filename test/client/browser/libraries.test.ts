import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../support/client/tokens.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';
import { RENAME } from '../documents.ts';
import { nameOf, register, useClients } from '../support.ts';
import { LIBRARIES, usePages } from './pages.ts';

describe.skipIf(lacks('chromium'))('in a browser, on a page of another origin,', () => {
  const pages = usePages(() => app);
  let port = '0';
  const app = useApp({ env: () => ({ ...WITH_AUTH, CORS_ORIGINS: pages.origin(), PORT: port }), fulfils: false });
  const createClient = useClients(app);
  /** Somebody else, elsewhere. */
  const elsewhere = () => createClient({ auth: staffToken });
  const clerk = { accessToken: () => staffToken() };

  const subscribers = async () =>
    /^afterwrite_subscribers (\d+)$/m.exec(await (await fetch(`${app.url}/metrics`)).text())?.[1];

  describe.each(LIBRARIES)('%s', (_, library) => {
    it('reads its own writes', async () => {
      const id = await register(elsewhere());
      const tab = await pages.open(library, clerk);
      for (const name of ['Grace', 'Edsger', 'Barbara']) {
        await tab.ask('rename', id, name);
        expect([await tab.ask('shown', id), await tab.ask('read', id)]).toEqual([name, name]);
      }
      expect(tab.complaints).toEqual([]);
    });

    it('never goes back to an answer that was overtaken on its way', async () => {
      const id = await register(elsewhere());
      const tab = await pages.open(library, clerk);
      await tab.ask('watch', id);
      await until(async () => (await tab.ask('shown', id)) === 'Ada');
      const held = await tab.holdAnswer();
      const late = tab.ask('read', id);
      await held.answered;
      await elsewhere().command(RENAME, { id, name: 'Grace' });
      await until(async () => (await tab.ask('shown', id)) === 'Grace');
      held.release();
      // A library may have answered it from its cache before, when that was told of the customer again.
      await late;
      expect(await tab.ask('read', id)).toBe('Grace');
      const history = await tab.ask('history');
      expect(history.lastIndexOf('Ada')).toBeLessThan(history.indexOf('Grace'));
      expect(history.at(-1)).toBe('Grace');
    });

    it('reads in one tab what another one has written, also in one that is opened later', async () => {
      const id = await register(elsewhere());
      const [writer, reader] = [await pages.open(library, clerk), await pages.open(library, clerk)];
      await writer.ask('rename', id, 'Grace');
      const written = await writer.ask('token');
      for (const tab of [reader, await pages.open(library, clerk)]) {
        const [readAfter, name] = await Promise.all([tab.nextReadAfter(), tab.ask('read', id)]);
        expect([readAfter, name]).toEqual([written, 'Grace']);
      }
    });

    it('remembers over a reload what it has written', async () => {
      const id = await register(elsewhere());
      const tab = await pages.open(library, clerk);
      await tab.ask('rename', id, 'Grace');
      const written = await tab.ask('token');
      await tab.page.reload();
      await tab.page.waitForFunction('globalThis.shop');
      const [readAfter, name] = await Promise.all([tab.nextReadAfter(), tab.ask('read', id)]);
      expect([readAfter, name]).toEqual([written, 'Grace']);
    });

    it('goes on when the server is restarted', async () => {
      const id = await register(elsewhere());
      const tab = await pages.open(library, clerk);
      await tab.ask('watch', id);
      await until(async () => (await tab.ask('shown', id)) === 'Ada');
      port = new URL(app.url).port;
      await app.stop();
      const sent = tab.ask('rename', id, 'Grace');
      await app.start();
      await sent;
      await elsewhere().command(RENAME, { id, name: 'Edsger' });
      await until(async () => (await tab.ask('shown', id)) === 'Edsger');
    });

    it('goes on with another access token when its own expires', async () => {
      const id = await register(elsewhere());
      // Tokens count in seconds, and five are granted to clocks that differ.
      const first = await accessToken('clerk', ['staff'], { expiresAt: new Date(Date.now() - 5000 + 2000) });
      const rejected: string[] = [];
      let token = first;
      const tab = await pages.open(library, {
        accessToken: async (refused) => {
          if (refused !== undefined) {
            rejected.push(refused);
            token = await staffToken();
          }
          return token;
        },
      });
      await tab.ask('watch', id);
      await until(async () => (await tab.ask('shown', id)) === 'Ada');
      await until(() => rejected.length > 0);
      await elsewhere().command(RENAME, { id, name: 'Grace' });
      await until(async () => (await tab.ask('shown', id)) === 'Grace');
      expect([rejected, await tab.ask('read', id), await tab.ask('endings')]).toEqual([[first], 'Grace', 0]);
    });

    it('shows somebody else who signs in what they may see, and the one before nothing more', async () => {
      const id = await register(elsewhere());
      let token = customerToken(randomUUID());
      const tab = await pages.open(library, { accessToken: () => token });
      await tab.ask('watch', id);
      // The server has answered once: a stranger sees nobody.
      expect(await tab.ask('read', id)).toBe(undefined);
      token = staffToken();
      await tab.ask('signIn');
      await until(async () => (await tab.ask('shown', id)) === 'Ada');
      await until(async () => (await subscribers()) === '1');
      token = customerToken(randomUUID());
      await tab.ask('signIn');
      await elsewhere().command(RENAME, { id, name: 'Grace' });
      await until(async () => (await tab.ask('shown', id)) == null);
      expect(await tab.ask('history')).not.toContain('Grace');
      expect(await tab.ask('endings')).toBe(0);
    });

    it('ends its connections when the user signs out, and leaves nothing behind', async () => {
      const id = await register(elsewhere());
      let user: string | undefined = 'clerk';
      const signIn = { accessToken: async () => user && accessToken(user, ['staff']) };
      const [tab, other] = [await pages.open(library, signIn), await pages.open(library, signIn)];
      await tab.ask('watch', id);
      await until(async () => (await tab.ask('shown', id)) === 'Ada');
      await other.ask('read', id);
      user = undefined;
      await tab.ask('signOut');
      await tab.ask('clear');
      await until(async () => (await tab.ask('endings')) === 1);
      await until(async () => (await other.ask('token')) === undefined);
      expect([await tab.ask('shown', id), await tab.ask('token')]).toEqual([undefined, undefined]);
      for (const { page } of [tab, other]) expect(await page.evaluate('sessionStorage.length')).toBe(0);
      await until(async () => (await subscribers()) === '0');
      await expect(tab.ask('read', id)).rejects.toThrow(/sign|unauthenticated/i);
    });

    it('sends what waits when the connection is back, in order and once, although the page was closed', async () => {
      const id = await register(elsewhere());
      const closed = await pages.open(library, clerk);
      const context = closed.page.context();
      onTestFinished(() => context.setOffline(false));
      await context.setOffline(true);
      await closed.ask('queue', id, 'Grace');
      await closed.ask('queue', id, 'Edsger');
      await until(async () => (await closed.ask('queued')) === 2);
      await closed.page.close();
      await context.setOffline(false);
      const tab = await pages.open(library, clerk);
      await until(async () => (await tab.ask('queued')) === 0);
      const { data } = await elsewhere().query('query ($id: ID!) { customer(id: $id) { name version } }', { id });
      expect(data).toEqual({ customer: { name: 'Edsger', version: 3 } });
    });

    it('shows what has happened while it was offline', async () => {
      const id = await register(elsewhere());
      const tab = await pages.open(library, clerk);
      const context = tab.page.context();
      onTestFinished(() => context.setOffline(false));
      await tab.ask('watch', id);
      await until(async () => (await tab.ask('shown', id)) === 'Ada');
      await context.setOffline(true);
      // The browser's network process is told a moment later.
      await until(async () =>
        tab.ask('read', id).then(
          () => false,
          () => true,
        ),
      );
      const other = elsewhere();
      await other.command(RENAME, { id, name: 'Grace' });
      expect(await nameOf(other, id)).toBe('Grace');
      await context.setOffline(false);
      await until(async () => (await tab.ask('shown', id)) === 'Grace');
      expect(await tab.ask('read', id)).toBe('Grace');
    });

    it('keeps a list of several pages live', async () => {
      const other = elsewhere();
      for (const name of ['1', '2', '3']) await register(other, name);
      const tab = await pages.open(library, clerk);
      const listed = async (rows: number) => (await tab.ask('listed'))?.slice(0, rows);
      await tab.ask('list');
      expect(await listed(2)).toEqual(['3', '2']);
      await tab.ask('more');
      expect(await listed(3)).toEqual(['3', '2', '1']);
      await tab.ask('watchList');
      await register(other, '4');
      await until(async () => (await listed(1))?.[0] === '4');
      expect(await listed(3)).toEqual(['4', '3', '2']);
      await tab.ask('more');
      expect(await listed(4)).toEqual(['4', '3', '2', '1']);
    });
  });
});
