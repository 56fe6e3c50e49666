import type postgres from 'postgres';
import { connect } from '../database/session.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** How poolers say that they do not take the settings of a session, which all of ours come with. */
const REFUSED_SETTINGS = /unsupported startup parameter/i;

interface Seen {
  /** The backend that answered. */
  readonly backend: number;
  /** The one that was named when the connection was made. */
  readonly named: number | undefined;
}

/**
 * What stands between this process and Postgres. While another connection of the same client is in the midst of a transaction,
 * a statement still goes to the backend that it went to before, unless a pooler deals them out by transactions.
 */
export async function checkPooler(url: string): Promise<Finding[]> {
  const open = () => connect({ url, kind: 'any', applicationName: 'afterwrite doctor' }, { max: 1 });
  const [one, other] = [open(), open()];
  try {
    const before = await backendOf(one);
    const meanwhile = await other.begin(async (transaction) => {
      const { backend: theirs } = await backendOf(transaction);
      return { theirs, ours: (await backendOf(one)).backend };
    });
    if (meanwhile.theirs === before.backend || meanwhile.ours !== before.backend) {
      return [
        problem(
          'pooler',
          'a pooler in transaction mode (as of PgBouncer, Supavisor, PgCat or RDS Proxy) gives each transaction another backend',
          'Let DATABASE_URL lead to Postgres itself, or to a pooler in session mode: settings, prepared statements, locks and notifications would be lost.',
        ),
      ];
    }
    if (before.named !== before.backend) {
      return [
        warning(
          'pooler',
          `a pooler in session mode names backend ${before.named} where ${before.backend} answers`,
          'It works, but connections that have fallen silent are not noticed. Let DATABASE_URL lead to Postgres itself.',
        ),
      ];
    }
    return [ok('pooler', 'connections lead to Postgres itself, or to a pooler that cannot be told from it')];
  } finally {
    await Promise.all([one, other].map((client) => client.end({ timeout: 1 })));
  }
}

/** What to do about a connection that cannot be made, if it is a pooler that refuses it. */
export function adviceOnRefusal(message: string): string | undefined {
  if (!REFUSED_SETTINGS.test(message)) return undefined;
  return 'A pooler such as PgBouncer answers here, which does not pass the settings of sessions on. Let DATABASE_URL lead to Postgres itself.';
}

/** By the simple protocol: a pooler may give each message of the other one another backend. */
async function backendOf(client: Pick<postgres.Sql, 'unsafe'>): Promise<Seen> {
  const asked = client.unsafe<{ backend: number }[]>('select pg_backend_pid() as backend').simple();
  const [row] = await asked;
  const { state } = asked as unknown as { readonly state?: { readonly pid: number } };
  return { backend: Number(row?.backend), named: state?.pid };
}
