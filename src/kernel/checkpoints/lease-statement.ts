import { type SQL, sql } from 'drizzle-orm';

/** How long an instance that says nothing counts as alive and keeps its projections, in ms. */
export const LEASE_MS = 3000;
/** How long a free projection is left to those who have fewer before anybody takes it, in ms. */
const GRACE_MS = 1500;

/** What an instance has to do with projections: its share of them, only those that nobody else could move, or none. */
export type ProjectorPart = 'on' | 'spare' | 'off';

const ms = (length: number) => sql.raw(`interval '${length} ms'`);
const owner = sql`${sql.placeholder('owner')}::uuid`;
const isSpare = sql`${sql.placeholder('spare')}::boolean`;

/** A checkpoint's columns. An owner that is gone and has not said so is none. */
export const checkpointColumns: SQL = sql`projection as key, kind, consumer as name, position, c.version, generation, whole_at as "wholeAt", failure,
  case when lease_until > now() or exists (select from read.instances i where i.id = owner and alive_until > now())
    then owner end as owner, owner_process as "ownerProcess",
  (select count(*)::int from read.dead_letters d where d.projection = c.projection and d.status = 'PARKED')
    + (select count(*)::int from read.parked_items p where p.consumer = c.projection and p.status = 'PARKED') as "deadLetters"`;

/**
 * Says that an instance lives, keeps what it has, and takes what is free, unless another one that is able to has fewer; that
 * one is left a while to take it. Answers all checkpoints as they are then.
 *
 * - A projection is `wanted` where another instance that is able to move it has at least two fewer: giving it up makes the
 *   shares more even, so that this comes to an end. Only where nothing else is free for that instance.
 * - A row that somebody has locked, as the owner has who writes a batch, is passed over: it stays whose it is, and whoever asks
 *   does not wait behind a batch that does not get on.
 * - A spare is not among those who share, and gives up whatever one of them is able to move.
 *
 * Parameters: owner, process, projections (JSON of name and version), spare.
 */
export const leaseStatement: SQL = sql`
  with asked as (
    select name, version, name || '@' || version as move
    from jsonb_to_recordset(${sql.placeholder('projections')}::jsonb) as given(name text, version int)
  ),
  gone as (
    delete from read.instances where id in (
      select id from read.instances where alive_until < now() and id <> ${owner} order by id for update skip locked
    )
  ),
  alive as (
    insert into read.instances (id, process, moves, alive_until)
    select ${owner}, ${sql.placeholder('process')}, array(select move from asked), now() + ${ms(LEASE_MS)} where not ${isSpare}
    on conflict (id) do update set alive_until = excluded.alive_until, moves = excluded.moves
  ),
  others as (
    select i.moves, (select count(*) from read.checkpoints c where c.owner = i.id and c.lease_until > now()) as has
    from read.instances i
    where id <> ${owner} and alive_until > now() and moves && array(select move from asked)
  ),
  known as (
    select projection, move, coalesce(c.owner = ${owner}, false) as ours,
      -- Whoever has just come does not know yet who else has.
      greatest(coalesce(lease_until, c.started_at),
        case when not ${isSpare} then coalesce((select i.started_at from read.instances i where id = ${owner}), now()) end) as since,
      c.owner is null or c.lease_until < now() as free
    from read.checkpoints c join asked on projection = name and c.version = asked.version
  ),
  locked as (
    select projection from read.checkpoints c join asked on projection = name and c.version = asked.version
    where c.owner = ${owner} or c.owner is null or c.lease_until < now()
    order by projection for no key update of c skip locked
  ),
  ranked as (
    select *, row_number() over (partition by ours order by projection) as nth from known join locked using (projection)
  ),
  leased as (
    update read.checkpoints c
    set owner = ${owner}, owner_process = ${sql.placeholder('process')}, lease_until = now() + ${ms(LEASE_MS)}
    from ranked r
    where c.projection = r.projection
      and (ours or since < now() - ${ms(GRACE_MS)} or not exists (
        select from others o
        where r.move = any(o.moves) and (${isSpare} or o.has < (select count(*) from known where ours) + nth - 1)))
    returning c.*
  )
  select ${checkpointColumns}, owner is not distinct from ${owner} as "isOurs",
    coalesce(k.ours, false) and exists (
      select from others o where k.move = any(o.moves) and (${isSpare} or (
        o.has + 2 <= (select count(*) from known where ours)
        and not exists (select from known f where f.free and not f.ours and f.move = any(o.moves))))
    ) as "isWanted"
  from (select * from leased union all
        select * from read.checkpoints where projection not in (select projection from leased)) as c
  left join known k using (projection)`;
