import type { DatabaseOptions } from '../database/database.ts';
import type { Config } from './config.ts';

/** The database's settings in the form of its options. */
export function databaseOptions(config: Config) {
  return {
    connections: {
      writer: config.writerConnections,
      projector: config.projectorConnections,
      reader: config.readerConnections,
    },
    readStatementTimeoutMs: config.readStatementTimeoutMs,
    roles: {
      urls: {
        writer: config.writerDatabaseUrl,
        projector: config.projectorDatabaseUrl,
        reader: config.readerDatabaseUrl,
      },
      secret: config.databaseRoleSecret,
    },
  } satisfies Partial<DatabaseOptions>;
}
