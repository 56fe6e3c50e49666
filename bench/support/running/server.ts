// A server in a process of its own, on the database in DATABASE_URL, with the domains that BENCH_DOMAINS names. With
// BENCH_TENANTS=database each tenant has a database beside that one, with BENCH_TENANTS=column all share that one.
import { setTimeout as delay } from 'node:timers/promises';
import shop from '../../../src/app.ts';
import { createLogger } from '../../../src/server/operations/logger.ts';
import { startServer } from '../../../src/server/server.ts';
import { readConfig } from '../../../src/settings/config.ts';
import { metersWithApi } from '../workloads/meters-api.ts';
import { nothingDomain } from '../workloads/nothing.ts';

const config = readConfig(process.env, shop.settings);
const wanted = process.env.BENCH_DOMAINS?.split(',') ?? [];
const mounted = [...shop.domains, metersWithApi].filter(({ name }) => wanted.includes(name));
if (mounted.length !== wanted.length) throw new Error(`Not all of these are domains: ${wanted}.`);
const mode = process.env.BENCH_TENANTS;
const tenants =
  mode === 'database' || mode === 'column' ? ({ mode, developerTenant: 'developer' } as const) : undefined;
const served = { ...shop, tenants, domains: [...mounted, nothingDomain] };
const app = await startServer(served, config, createLogger(config));
process.on('message', async (question) => {
  if (question === 'cpu') {
    process.send?.({ cpu: process.cpuUsage() });
    return;
  }
  // Twice, with a moment between them: what is freed by finalisers is gone with the second.
  gc?.();
  await delay(50);
  gc?.();
  process.send?.({ memory: process.memoryUsage() });
});
process.on('disconnect', () => app.stop().finally(() => process.exit(0)));
process.send?.({ url: app.url });
