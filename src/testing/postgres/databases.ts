import type postgres from 'postgres';
import { loginNameOf } from '../../database/roles/names.ts';
import { connect } from '../../database/session.ts';

/** The URL of another database of the same server. */
export function urlOfDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Connections as the URL's user, for work beside the application under test. Notices are not shown. */
export function connectTo(url: string, max = 1): postgres.Sql {
  return connect({ url, applicationName: 'afterwrite tests' }, { max, onnotice: () => {} });
}

/** Creates a database as a copy of another one, to which nobody may be connected. */
export async function copyDatabase(server: postgres.Sql, name: string, template: string): Promise<void> {
  // Copying files takes a third of the CPU that copying page by page does.
  await server`create database ${server(name)} template ${server(template)} strategy file_copy`;
}

/** Drops a database and the roles of its parts, even if somebody is connected. */
export async function dropDatabase(server: postgres.Sql, name: string): Promise<void> {
  const [row] = await server<{ oid: string }[]>`select oid::text as oid from pg_database where datname = ${name}`;
  if (!row) return;
  await server`drop database if exists ${server(name)} with (force)`;
  const roles = (['writer', 'projector', 'reader', 'owner'] as const).map((part) => loginNameOf(part, Number(row.oid)));
  await server.unsafe(`drop role if exists ${roles.join(', ')}`);
}
