import { resolve } from 'node:path';
import { count, setting } from './setting.ts';
import { allowsWriting, namesOneServer, postgresUrl, secretKey, text } from './values.ts';

const writableUrl = postgresUrl.refine(
  allowsWriting,
  'has a target_session_attrs that asks for a server that only reads: write read-write, or leave it out',
);

/** Postgres and the connections to it. */
export const databaseSettings = {
  databaseUrl: setting(
    'DATABASE_URL',
    'Postgres 15 or newer to use; unset, an embedded one is started in DATA_DIR.',
    writableUrl,
    { secret: true },
  ),
  readDatabaseUrl: setting(
    'READ_DATABASE_URL',
    'Server that queries read from, a replica of the database; unset, they read from the database itself.',
    postgresUrl.refine(namesOneServer, 'must name one server: how far a read model is differs from replica to replica'),
    { secret: true },
  ),
  writerDatabaseUrl: setting(
    'WRITER_DATABASE_URL',
    'The database with a user of its own for appending; unset, the server makes a role if it may.',
    writableUrl,
    { secret: true },
  ),
  projectorDatabaseUrl: setting(
    'PROJECTOR_DATABASE_URL',
    'The database with a user of its own for read models; unset, the server makes a role if it may.',
    writableUrl,
    { secret: true },
  ),
  readerDatabaseUrl: setting(
    'READER_DATABASE_URL',
    'The database with a user of its own for queries; unset, the server makes a role if it may.',
    writableUrl,
    { secret: true },
  ),
  databaseRoleSecret: setting(
    'DATABASE_ROLE_SECRET',
    "Secret from which the passwords of the server's roles are derived, the same on all servers; unset, the password in DATABASE_URL.",
    secretKey,
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
