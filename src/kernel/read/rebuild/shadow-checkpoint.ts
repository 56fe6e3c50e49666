import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { LEASE_MS } from '../../checkpoints/checkpoints.ts';
import { PROCESS } from '../../checkpoints/instance-id.ts';
import { type ShadowPurpose, shadowed, shadowName } from './shadow.ts';

/** The checkpoint of a shadow, as it was looked at. */
export interface ShadowRow {
  /** The projection that it is a shadow of. */
  readonly projection: string;
  readonly purpose: ShadowPurpose;
  /** The projection's version that fills it. */
  readonly version: number;
  readonly position: number;
  readonly generation: number;
  /** The instance that fills it at this moment; null where nobody does. */
  readonly owner: string | null;
  /** host:pid of the owner. */
  readonly ownerProcess: string | null;
  /** Why it does not get on; null where it does. */
  readonly failure: string | null;
  readonly startedAt: Date;
}

interface Found extends Record<string, unknown> {
  readonly name: string;
  readonly version: number;
  readonly position: number;
  readonly generation: number;
  readonly owner: string | null;
  readonly process: string | null;
  readonly failure: string | null;
  readonly started: number;
}

const found = sql`projection as name, version, position, generation,
  case when lease_until > now() then owner end as owner, owner_process as process, failure,
  (extract(epoch from started_at) * 1000)::float8 as started`;

/** The shadows that there are, of one projection or of all. */
export async function shadowRows(db: Database, projection?: string): Promise<ShadowRow[]> {
  const names =
    projection === undefined ? undefined : (['rebuild', 'verify'] as const).map((p) => shadowName(projection, p));
  const which = names ? sql`projection in ${names}` : sql`projection like '%#rebuild' or projection like '%#verify'`;
  return (await db.execute<Found>(sql`select ${found} from read.checkpoints where ${which}`)).flatMap(toRow);
}

/** Takes or keeps a shadow for an instance, where nobody else has it; undefined where somebody has, or it is gone. */
export async function leaseShadow(db: Database, owner: string, row: ShadowRow): Promise<ShadowRow | undefined> {
  const name = shadowName(row.projection, row.purpose);
  const [leased] = await db.execute<Found>(sql`
    update read.checkpoints
    set owner = ${owner}, owner_process = ${PROCESS}, lease_until = ${leaseEnd}
    where projection = ${name} and version = ${row.version} and (owner is null or owner = ${owner} or lease_until < now())
    returning ${found}`);
  return leased && toRow(leased)[0];
}

/** Gives one up, for another to go on with. */
export async function releaseShadow(db: Database, owner: string, row: ShadowRow): Promise<void> {
  await db.execute(sql`update read.checkpoints set owner = null, owner_process = null, lease_until = null
                       where projection = ${shadowName(row.projection, row.purpose)} and owner = ${owner}`);
}

/** When a lease that is taken now ends. */
export const leaseEnd: SQL = sql.raw(`now() + interval '${LEASE_MS} ms'`);

function toRow({ name, process: ownerProcess, started, ...rest }: Found): ShadowRow[] {
  const of = shadowed(name);
  if (!of) return [];
  const { version, position, generation, owner, failure } = rest;
  return [{ ...of, version, position, generation, owner, ownerProcess, failure, startedAt: new Date(started) }];
}
