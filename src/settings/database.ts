import { resolve } from 'node:path';
import { count, namesOneServer, postgresUrl, setting, text } from './setting.ts';

/** Postgres and the connections to it. */
export const databaseSettings = {
  databaseUrl: setting(
    'DATABASE_URL',
    'Postgres 15 or newer to use; unset, an embedded one is started in DATA_DIR.',
    postgresUrl,
    { secret: true },
  ),
  readDatabaseUrl: setting(
    'READ_DATABASE_URL',
    'Server that queries read from, a replica of the database; unset, they read from the database itself.',
    postgresUrl.refine(namesOneServer, 'must name one server: how far a read model is differs from replica to replica'),
    { secret: true },
  ),
  dataDir: setting(
    'DATA_DIR',
    'Folder of the embedded Postgres, relative to the current folder.',
    text.transform((path) => resolve(path)),
    { default: '.afterwrite' },
  ),
  writerConnections: count('WRITER_CONNECTIONS', 4, 'Database connections for appending events.', 1, 1000),
  readerConnections: count('READER_CONNECTIONS', 10, 'Database connections for queries.', 1, 1000),
  projectorConnections: count('PROJECTOR_CONNECTIONS', 4, 'Database connections for projecting events.', 1, 1000),
};
