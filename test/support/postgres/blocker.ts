import { onTestFinished } from 'vitest';
import { connect } from './database.ts';

/** Another application on the database that holds something up. */
export interface ForeignSession {
  readonly pid: number;
  /** Ends it; happens after the test anyway. */
  release(): Promise<void>;
}

/** Runs a statement in a transaction that stays open, as somebody does who forgets a psql. */
export async function holdUp({ url }: { readonly url: string }, statement: string): Promise<ForeignSession> {
  const sql = connect(url);
  const session = await sql.reserve();
  await session`select set_config('application_name', 'somebody else', false)`;
  await session`begin`;
  await session.unsafe(statement);
  const [row] = await session<{ pid: number }[]>`select pg_backend_pid() as pid`;
  // The last statement is what Postgres shows.
  await session.unsafe(statement);
  let released: Promise<void> | undefined;
  const release = () => {
    released ??= session`rollback`.then(() => session.release()).finally(() => sql.end({ timeout: 1 }));
    return released;
  };
  // The session may have ended by then, together with the test's database.
  onTestFinished(() => release().catch(() => undefined));
  return { pid: row?.pid ?? 0, release };
}
