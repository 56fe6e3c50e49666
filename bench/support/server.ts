// A server in a process of its own, on the database in DATABASE_URL, with the domains that BENCH_DOMAINS names.
import { setTimeout as delay } from 'node:timers/promises';
import { readConfig } from '../../src/config.ts';
import { domains } from '../../src/domains/index.ts';
import { startApp } from '../../src/server/app.ts';
import { createLogger } from '../../src/server/operations/logger.ts';
import { metersWithApi } from './meters-api.ts';
import { nothingDomain } from './nothing.ts';

const config = readConfig(process.env);
const wanted = process.env.BENCH_DOMAINS?.split(',') ?? [];
const mounted = [...domains, metersWithApi].filter(({ name }) => wanted.includes(name));
if (mounted.length !== wanted.length) throw new Error(`Not all of these are domains: ${wanted}.`);
const app = await startApp(config, [...mounted, nothingDomain], createLogger(config));
process.on('message', async () => {
  // Twice, with a moment between them: what is freed by finalisers is gone with the second.
  gc?.();
  await delay(50);
  gc?.();
  process.send?.({ memory: process.memoryUsage() });
});
process.on('disconnect', () => app.stop().finally(() => process.exit(0)));
process.send?.({ url: app.url });
