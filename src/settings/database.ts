import { resolve } from 'node:path';
import { count, setting } from './setting.ts';
import { allowsWriting, namesOneServer, postgresUrl, secretKey, text } from './values.ts';

const writableUrl = postgresUrl.refine(
  allowsWriting,
  'has a target_session_attrs that requires a read-only server: write read-write, or leave it out',
);

/** Postgres and the connections to it. */
export const databaseSettings = {
  databaseUrl: setting(
    'DATABASE_URL',
    'URL of a Postgres 15 or newer. If unset, an embedded one is started in DATA_DIR.',
    writableUrl,
    { secret: true },
  ),
  readDatabaseUrl: setting(
    'READ_DATABASE_URL',
    'URL of a replica that queries read from. If unset, they read from the database itself.',
    postgresUrl.refine(
      namesOneServer,
      'must name one server, because the positions of read models differ between replicas',
    ),
    { secret: true },
  ),
  writerDatabaseUrl: setting(
    'WRITER_DATABASE_URL',
    'URL of the database with a separate user for appending. If unset, the server creates a role if it may.',
    writableUrl,
    { secret: true },
  ),
  projectorDatabaseUrl: setting(
    'PROJECTOR_DATABASE_URL',
    'URL of the database with a separate user for read models. If unset, the server creates a role if it may.',
    writableUrl,
    { secret: true },
  ),
  readerDatabaseUrl: setting(
    'READER_DATABASE_URL',
    'URL of the database with a separate user for queries. If unset, the server creates a role if it may.',
    writableUrl,
    { secret: true },
  ),
  databaseRoleSecret: setting(
    'DATABASE_ROLE_SECRET',
    "Secret from which the passwords of the server's roles are derived, the same on all servers. If unset, the password in DATABASE_URL is used.",
    secretKey,
    { secret: true },
  ),
  keyringUrl: setting(
    'KEYRING_URL',
    'URL of the keyring with which personal data in the log is encrypted, such as file:/etc/shop/keyring, the same on all servers. If unset, it is not encrypted and cannot be erased.',
    text.refine((url) => URL.canParse(url), 'must be a URL, such as file:/etc/shop/keyring'),
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
