import type postgres from 'postgres';
import { connect } from '../database/session.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** How poolers refuse start-up settings, which all of our sessions have. */
const REFUSED_SETTINGS = /unsupported startup parameter/i;

interface ConnectionBackends {
  /** The backend that answered. */
  readonly backend: number;
  /** The backend that was named when the connection was made. */
  readonly named: number | undefined;
}

/**
 * Detects a pooler. While another connection of the same client is in the middle of a transaction, a statement still
 * goes to the same backend as before, unless a pooler assigns backends for each transaction.
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
          'It works, but silent connections are not detected. Let DATABASE_URL lead to Postgres itself.',
        ),
      ];
    }
    return [ok('pooler', 'connections lead to Postgres itself, or to a pooler that cannot be told from it')];
  } finally {
    await Promise.all([one, other].map((client) => client.end({ timeout: 1 })));
  }
}

/** The advice if a pooler refuses a connection. */
export function adviceOnRefusal(message: string): string | undefined {
  if (!REFUSED_SETTINGS.test(message)) return undefined;
  return 'A pooler such as PgBouncer answers here, which does not pass the settings of sessions on. Let DATABASE_URL lead to Postgres itself.';
}

/** Uses the simple protocol: with the extended one, a pooler may send each message to another backend. */
async function backendOf(client: Pick<postgres.Sql, 'unsafe'>): Promise<ConnectionBackends> {
  const asked = client.unsafe<{ backend: number }[]>('select pg_backend_pid() as backend').simple();
  const [row] = await asked;
  const { state } = asked as unknown as { readonly state?: { readonly pid: number } };
  return { backend: Number(row?.backend), named: state?.pid };
}
