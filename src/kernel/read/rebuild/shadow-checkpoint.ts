import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { leaseOwner } from '../../checkpoints/leases/lease-statements.ts';
import type { ShadowPurpose } from './shadow.ts';

/** The checkpoint of a shadow, as last read. */
export interface ShadowRow {
  /** Key of the checkpoint. */
  readonly key: string;
  /** The projection of this shadow. */
  readonly projection: string;
  readonly purpose: ShadowPurpose;
  /** The projection's version that fills it. */
  readonly version: number;
  readonly position: number;
  readonly generation: number;
  /** The instance that fills it now; null if there is none. */
  readonly owner: string | null;
  /** host:pid of the owner. */
  readonly ownerProcess: string | null;
  /** Why it does not progress; null if it does. */
  readonly failure: string | null;
  readonly startedAt: Date;
}

interface Found extends Record<string, unknown>, Omit<ShadowRow, 'startedAt'> {
  readonly started: number;
}

const found = sql`projection as key, consumer as projection, kind as purpose, version, position, generation,
  ${leaseOwner} as owner, owner_process as "ownerProcess", failure,
  (extract(epoch from started_at) * 1000)::float8 as started`;

/** The existing shadows, of all read models and versions. */
export async function shadowRows(db: Database): Promise<ShadowRow[]> {
  const rows = await db.execute<Found>(
    sql`select ${found} from read.checkpoints c where kind in ('rebuild', 'verify')`,
  );
  return rows.map(toRow);
}

function toRow({ started, ...row }: Found): ShadowRow {
  return { ...row, startedAt: new Date(started) };
}
