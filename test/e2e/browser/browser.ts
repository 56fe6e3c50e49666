import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { CHROMIUM } from '../../support/server/environment.ts';

/**
 * The menu below Chromium's address bar, which nobody sees here: it is a page, made for each window, that takes as much CPU as ours.
 * Of several lists of features Chromium takes the last, so those that Playwright turns off for the sake of its tests are here too.
 */
const FEATURES_OFF = [
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup', 'OmniboxWebUI'],
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades', 'LensOverlay'],
  ...['HttpsFirstBalancedModeAutoEnable', 'MediaRouter', 'PaintHolding', 'ThirdPartyStoragePartitioning'],
  ...['AvoidCorsURLLoaderRestartOnRedirect', 'OptimizationHints', 'NetworkTimeServiceQuerying', 'PreconnectToSearch'],
];

/** Quiet, and asking nobody for anything: neither updates nor accounts. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--disable-features=${FEATURES_OFF.join(',')}`,
];

/** What else a page has done. */
export interface Watched {
  readonly page: Page;
  /** Every URL that it has asked for, WebSockets included. */
  readonly requests: readonly string[];
  /** Errors on the console, uncaught errors, and failed requests. */
  readonly complaints: readonly string[];
}

/** A browser for the tests of a file, and for each test a new page with nothing remembered. */
export function useBrowser(): { open(): Promise<Watched> } {
  let folder: string;
  let context: BrowserContext;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'afterwrite-chromium-'));
    const viewport = { width: 1400, height: 900 };
    context = await chromium.launchPersistentContext(folder, {
      executablePath: CHROMIUM,
      headless: true,
      args: FLAGS,
      viewport,
    });
    // Less than a test has, so that it says what it waited for.
    context.setDefaultTimeout(60_000);
  });
  afterAll(async () => {
    await context?.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  beforeEach(async () => {
    await Promise.all(context.pages().map((page) => page.close()));
  });
  return { open: async () => watch(await context.newPage()) };
}

function watch(page: Page): Watched {
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => requests.push(socket.url()));
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, requests, complaints };
}
