import { type SQL, sql } from 'drizzle-orm';

/** How long an instance that does not renew its leases counts as alive and keeps them, in ms. */
const LEASE_MS = 3000;

/** Interval at which an instance renews its leases, in ms. */
export const RENEW_MS = 1000;

/** The end of a lease that is taken now. */
export const leaseEnd: SQL = sql.raw(`now() + interval '${LEASE_MS} ms'`);

/**
 * The instance that owns checkpoint `c`; null if its lease has ended and it is not alive. The lease of a shadow is
 * renewed by the job that fills the shadow, so whether the instance is alive does not matter for it.
 */
export const leaseOwner: SQL = sql`case
  when lease_until > now() or kind not in ('rebuild', 'verify')
    and exists (select from read.instances i where i.id = owner and alive_until > now()) then owner
end`;

/** The columns of checkpoint `c`. */
export const checkpointColumns: SQL = sql`projection as key, kind, consumer as name, position, c.version, generation,
  whole_at as "wholeAt", failure, is_ahead as "isAhead", ${leaseOwner} as owner, owner_process as "ownerProcess",
  (select count(*)::int from read.dead_letters d where d.projection = c.projection and d.status = 'PARKED')
    + (select count(*)::int from read.parked_items p where p.consumer = c.projection and p.status = 'PARKED') as "deadLetters"`;

const me = sql`${sql.placeholder('me')}::uuid`;
const process = sql.placeholder('process');
const asked = sql`asked as (select unnest(${sql.placeholder('consumers')}::text::text[]) as key)`;

/** Records that an instance is alive, which checkpoints it can own, and which read models' tables it uses. */
function announcement(moves: SQL): SQL {
  return sql`insert into read.instances (id, process, moves, uses, alive_until)
    select ${me}, ${process}, ${moves}, array(select key from asked) || ${sql.placeholder('uses')}::text::text[], ${leaseEnd}
    on conflict on constraint instances_pkey do update set alive_until = excluded.alive_until, moves = excluded.moves, uses = excluded.uses`;
}

/** Records that an instance without leases is alive. Parameters: me, process, consumers, uses. */
export const announceStatement: SQL = sql`with ${asked} ${announcement(sql`'{}'::text[]`)}`;

/**
 * Other active instances that are alive, with their abilities and the keys that they use. Earlier releases do not say what
 * they use.
 */
const others = sql`(
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'abilities', moves, 'uses', coalesce(uses, moves))), '[]')
  from read.instances where id <> ${me} and alive_until > now()
)`;

/**
 * Says that an instance lives and renews its leases. Answers all checkpoints as they are then, also those of other instances,
 * and with the first of them who the others are.
 *
 * A row that somebody has locked, as its owner does that writes a batch, is left out: it stays whose it is, and the instance
 * does not wait behind a batch that takes long. A standby lives and is able to own nothing, as the others see it.
 *
 * Parameters: me, process, consumers and moves (arrays of keys), uses.
 */
export const renewStatement: SQL = sql`
  with ${asked},
  gone as (
    delete from read.instances where id in (
      select id from read.instances where alive_until < now() and id <> ${me} order by id for update skip locked
    )
  ),
  alive as (
    ${announcement(sql`${sql.placeholder('moves')}::text::text[]`)}
    returning started_at
  ),
  own as (
    select projection from read.checkpoints c join asked on projection = key
    where owner = ${me} order by projection for no key update of c skip locked
  ),
  renewed as (
    update read.checkpoints c set lease_until = ${leaseEnd} from own where c.projection = own.projection returning c.*
  )
  select ${checkpointColumns}, coalesce(owner = ${me}, false) as "isOurs",
    case when row_number() over () = 1 then ${others} end as others,
    -- An instance that has just started does not know yet what others have.
    case when owner is null or (owner <> ${me} and lease_until < now()) then
      extract(epoch from now() - greatest(coalesce(lease_until, started_at), (select started_at from alive)))::float8 * 1000
    end as "freeForMs"
  from (select * from renewed union all
        select * from read.checkpoints where projection not in (select projection from renewed)) as c`;

/**
 * Takes those of the given checkpoints that are free, and renews those that the instance owns. Returns each one in its
 * new state, with `isOurs` and `isRenewed`. `isRenewed` is false if the row is locked; usually its owner is writing a
 * batch. There is no row for a checkpoint that was deleted or has another version. Parameters: me, process, consumers.
 */
export const takeStatement: SQL = sql`
  with ${asked},
  free as (
    select projection as taken from read.checkpoints c join asked on projection = key
    where owner is null or owner = ${me} or lease_until < now() order by projection for no key update of c skip locked
  ),
  taken as (
    update read.checkpoints c set owner = ${me}, owner_process = ${process}, lease_until = ${leaseEnd}
    from free where c.projection = free.taken returning c.*
  )
  select ${checkpointColumns}, coalesce(owner = ${me}, false) as "isOurs", is_renewed as "isRenewed"
  from (select *, true as is_renewed from taken union all
        select c.*, false from read.checkpoints c join asked on projection = key
        where projection not in (select projection from taken)) as c`;
