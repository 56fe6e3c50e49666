// The face of the product for processes: serving an application, and what adapters and commands of an application build on.
export { type Database, openPool, type Pool } from '../database/client.ts';
export { startEmbeddedPostgres, stopEmbeddedPostgres } from '../database/embedded/server.ts';
export { rootOf } from '../database/errors.ts';
export { isTransient } from '../database/transient.ts';
export { type Config, ConfigError, readConfig, settingsWith } from '../settings/config.ts';
export { type Operation, readOperations } from './graphiql/operations.ts';
export { createLogger } from './operations/logger.ts';
export { serve } from './serve.ts';
export type { RunningServer } from './server.ts';
