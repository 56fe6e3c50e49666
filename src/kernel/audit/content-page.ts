import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { TENANT_COLUMN } from '../../database/tenancy/tenant-setting.ts';
import { ENCRYPTIONS } from '../proof/encryption-certificate.ts';
import { HASH_BYTES } from '../proof/hashes.ts';

/** Stands for a hash that is not there, or has a wrong size. */
export const NO_HASH = Buffer.alloc(HASH_BYTES);

/** Positions after `after`, up to `until`. */
export interface PositionRange extends Record<string, unknown> {
  readonly after: number;
  readonly until: number;
}

/** The events of a range, from its begin on, as many as make up a page. */
export interface ContentPage extends Record<string, unknown> {
  /** The end of the range, or an earlier position if their contents are too long for one page. */
  readonly reached: number;
  readonly count: number;
  /** Null if there is none. */
  readonly first: number | null;
  /**
   * Contents are lines: JSON has no line feeds. A single value is read in a tenth of the time that a row for each event takes. If only
   * leaves are read, these are the contents of certificates alone.
   */
  readonly contents: string | null;
  /** The leaves of the contents, one after the other, if only they are read. */
  readonly leaves: Buffer | null;
  readonly hashes: Buffer | null;
  /** Null if no position is missing between the first and the last one. */
  readonly positions: Buffer | null;
  /** Of the events that were encrypted: position, former leaf and id of the certificate. Null if there is none. */
  readonly encrypted: readonly (readonly [number, string, string])[] | null;
}

/** @param query a range, and the most bytes (approximate) of the contents of a page. */
export type ReadContents = (query: PositionRange & { readonly bytes: number }) => Promise<ContentPage[]>;

/**
 * What `es.event_content` makes of an event `e`. The function is not called, because the owner of the
 * database could replace it by one that shows an altered event as it was.
 */
function contentOfEvent(hasTenants: boolean): string {
  const utc = (column: string) => `rtrim(to_json(e.${column} at time zone interval '0')::text, '"')`;
  return `format(
    '{"position":%s,${hasTenants ? '"tenant":%s,' : ''}"streamType":%s,"streamId":"%s","version":%s,"type":%s,"schemaVersion":%s,'
      '"data":%s,"metadata":%s,"commandId":"%s","commandFingerprint":%s,"eventId":"%s","occurredAt":%sZ","recordedAt":%sZ"}',
    e.position, ${hasTenants ? `to_json(e.${TENANT_COLUMN}),` : ''} to_json(e.stream_type),
    e.stream_id, e.version, to_json(e.type), e.schema_version, e.data, e.metadata,
    e.command_id, coalesce('"' || e.command_fingerprint::text || '"', 'null'), e.event_id,
    ${utc('occurred_at')}, ${utc('recorded_at')})`;
}

/**
 * The statement that reads a page. Lengths are added up one by one only if they are too long for a page together.
 * @param what the contents of events, or their leaves alone: Postgres hashes contents in less time than it takes to send them.
 */
export async function contentStatement(db: Database, what: 'contents' | 'leaves'): Promise<ReadContents> {
  const [tenants] = await db.execute(
    sql`select from pg_attribute where attrelid = 'es.events'::regclass and attname = ${TENANT_COLUMN} and not attisdropped`,
  );
  const content = sql.raw(contentOfEvent(tenants !== undefined));
  const inRange = (table: SQL) =>
    sql`${table}.position > ${sql.placeholder('after')}::bigint and ${table}.position <= ${sql.placeholder('until')}::bigint`;
  const most = sql`${sql.placeholder('bytes')}::bigint`;
  const size = sql`case when pg_column_compression(e.data) is null then pg_column_size(e.data) else octet_length(e.data::text) end`;
  const columns =
    what === 'contents'
      ? sql`string_agg(content, e'\\n' order by position) as contents, null::bytea as leaves`
      : sql`string_agg(content, e'\\n' order by position) filter (where stream_type = ${sql.raw(`'${ENCRYPTIONS.streamType}'`)}) as contents,
            string_agg(sha256('\\x00'::bytea || convert_to(content, 'UTF8')), '' order by position) as leaves`;
  return prepared<ContentPage>(
    db,
    `es_${what}${tenants ? '_of_tenant' : ''}`,
    sql`with reached as materialized (
          select case when bytes <= ${most} then ${sql.placeholder('until')}::bigint
                 else (select max(position) from (
                         select e.position, sum(${size}) over (order by e.position rows unbounded preceding) - ${size} as before
                         from es.events e where ${inRange(sql`e`)}) s
                       where before < ${most}) end as position
          from (select coalesce(sum(${size}), 0) as bytes from es.events e where ${inRange(sql`e`)}) whole
        )
        select (select position from reached) as reached, count(*)::int as count, min(position) as first,
               ${columns},
               string_agg(hash, '' order by position) as hashes,
               case when count(*) <> max(position) - min(position) + 1
                    then string_agg(int8send(position), '' order by position) end as positions,
               (select jsonb_agg(jsonb_build_array(r.position, encode(r.former_leaf, 'hex'), r.certificate))
                from es.rewrites r where ${inRange(sql`r`)}) as encrypted
        from (select e.position, e.stream_type, ${content} as content,
                     case when length(e.hash) = ${sql.raw(String(HASH_BYTES))} then e.hash else '\\x${sql.raw(NO_HASH.toString('hex'))}' end as hash
              from es.events e
              where e.position > ${sql.placeholder('after')}::bigint and e.position <= (select position from reached)
              order by e.position) page`,
  );
}
