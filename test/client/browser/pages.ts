import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build, stop } from 'esbuild';
import type { Page, Request, Route } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { useBrowser, type Watched } from '../../e2e/browser/browser.ts';
import type { TestApp } from '../../support/server/app.ts';
import { compile } from '../relay/compile.ts';
import type { Offer } from './page/shop.ts';

/** The libraries, each with the way over which its subscriptions go here. */
export const LIBRARIES = [
  ['Apollo Client over a WebSocket', 'apollo'],
  ['urql over server-sent events', 'urql'],
  ['Relay over a WebSocket', 'relay'],
] as const;
export type Library = (typeof LIBRARIES)[number][1];

/** A tab with the page of a library. */
export class Tab {
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly #url: string;

  constructor({ page, complaints }: Watched, url: string) {
    this.page = page;
    this.complaints = complaints;
    this.#url = url;
  }

  /** Asks the page for something. */
  ask<Name extends keyof Offer>(
    name: Name,
    ...args: Parameters<Offer[Name]>
  ): Promise<Awaited<ReturnType<Offer[Name]>>> {
    return this.page.evaluate(`shop.${name}(...${JSON.stringify(args)})`);
  }

  /** @returns the header `read-after` of the next query that the page sends. */
  async nextReadAfter(): Promise<string | undefined> {
    const request = await this.page.waitForRequest(isQuery);
    return request.headers()['read-after'];
  }

  /** The answer to the next query arrives only when the returned function is called. */
  async holdAnswer(): Promise<{ readonly answered: Promise<void>; readonly release: () => void }> {
    const answered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    let isHolding = false;
    const hold = async (route: Route) => {
      if (isHolding || !isQuery(route.request())) return route.fallback();
      isHolding = true;
      const response = await route.fetch();
      answered.resolve();
      await released.promise;
      await route.fulfill({ response });
      await this.page.unroute(this.#url, hold);
    };
    await this.page.route(this.#url, hold);
    return { answered: answered.promise, release: () => released.resolve() };
  }
}

const isQuery = (request: Request): boolean => /"query":"query/.test(request.postData() ?? '');

/** Who is asking, in all tabs: what the application knows and the client asks it for. */
export interface SignIn {
  /** @param rejected the access token that the server has refused. */
  accessToken(rejected?: string): Promise<string | undefined>;
}

/** Opens tabs with pages of the client, which come from another origin than the API. */
export function usePages(app: () => TestApp): {
  readonly origin: () => string;
  open(library: Library, signIn: SignIn): Promise<Tab>;
} {
  const browser = useBrowser();
  let server: Server;
  let origin: string;
  beforeAll(async () => {
    const compiled = await compile();
    const { outputFiles } = await build({
      entryPoints: LIBRARIES.map(([, library]) => join(import.meta.dirname, 'page', `${library}.ts`)),
      ...{ bundle: true, write: false, outdir: '/', format: 'esm', platform: 'browser', target: 'es2024' },
      alias: { compiled: compiled.folder },
      // As deployed: graphcache warns of fragments on interfaces while it is developed with.
      define: { 'process.env.NODE_ENV': '"production"' },
    }).finally(compiled.remove);
    const scripts = new Map(outputFiles.map(({ path, contents }) => [path, contents]));
    server = createServer(({ url = '/' }, response) => {
      const { pathname } = new URL(url, 'http://page');
      const script = scripts.get(pathname);
      if (script) return response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
      const page = `<!doctype html><link rel="icon" href="data:,"><script type="module" src="${pathname}.js"></script>`;
      return response.writeHead(200, { 'content-type': 'text/html' }).end(page);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    // Its process would stay.
    stop();
    server?.closeAllConnections();
    server?.close();
  });
  return {
    origin: () => origin,
    open: async (library, signIn) => {
      const watched = await browser.open();
      const api = `${app().url}/graphql`;
      await watched.page.exposeFunction('askForAccessToken', (rejected?: string) => signIn.accessToken(rejected));
      await watched.page.goto(`${origin}/${library}?api=${encodeURIComponent(api)}`);
      await watched.page.waitForFunction('globalThis.shop');
      return new Tab(watched, api);
    },
  };
}
