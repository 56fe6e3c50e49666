// The server in a process of its own, on the database in DATABASE_URL: its address goes to whoever started it.
import { readConfig } from '../../src/config.ts';
import { domains } from '../../src/domains/index.ts';
import { startApp } from '../../src/server/app.ts';
import { createLogger } from '../../src/server/logger.ts';

const config = readConfig(process.env);
const app = await startApp(config, domains, createLogger(config));
process.send?.(app.url);
process.on('disconnect', () => app.stop().finally(() => process.exit(0)));
