import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';

/** An object in the database that has permissions. */
export interface CatalogObject {
  readonly kind: 'database' | 'schema' | 'table' | 'sequence' | 'view' | 'function';
  readonly schema: string;
  readonly name: string;
  /** As named in SQL, for a function including the types of its arguments. */
  readonly identity: string;
  readonly owner: string;
  /** Whether the current user may change it. */
  readonly isOurs: boolean;
  /** A sequence that belongs to a column has its table's owner. */
  readonly isPartOfTable: boolean;
  /** A function that runs with its owner's rights (`security definer`). */
  readonly isDefiner: boolean;
  /** Settings of a function. */
  readonly settings: readonly string[];
  readonly grants: readonly { readonly grantee: string; readonly privilege: string }[];
}

/** Every object of the application's schemas, of `public` and the database itself, with its permissions. */
export async function readCatalog(db: Database): Promise<CatalogObject[]> {
  return await db.execute<CatalogObject & Record<string, unknown>>(CATALOG);
}

const CATALOG = sql`
  with ours as (select oid, nspname, nspowner, nspacl from pg_namespace where nspname in ('es', 'read', 'drizzle', 'public')),
  objects as (
    select 'database' as kind, '' as schema, datname as name, quote_ident(datname) as identity, datdba as owner,
           coalesce(datacl, acldefault('d', datdba)) as acl, false as is_part, false as is_definer, '{}'::text[] as settings
    from pg_database where datname = current_database()
    union all
    select 'schema', nspname, nspname, quote_ident(nspname), nspowner, coalesce(nspacl, acldefault('n', nspowner)), false, false, '{}'
    from ours
    union all
    select case relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'view' else 'table' end, nspname, relname,
           format('%I.%I', nspname, relname), relowner,
           coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)),
           exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
                   and d.refclassid = 'pg_class'::regclass and relkind = 'S'), false, '{}'
    from pg_class c join ours on ours.oid = relnamespace
    where relkind in ('r', 'p', 'v', 'm', 'S', 'f') and nspname <> 'public'
    union all
    select 'function', nspname, proname, format('%I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(p.oid)), proowner,
           coalesce(proacl, acldefault('f', proowner)), false, prosecdef, coalesce(proconfig, '{}')
    from pg_proc p join ours on ours.oid = pronamespace
    where nspname <> 'public' and prokind in ('f', 'a')
  )
  select kind, schema, name, identity, pg_get_userbyid(owner) as owner, pg_has_role(current_user, owner, 'USAGE') as "isOurs",
         is_part as "isPartOfTable", is_definer as "isDefiner", to_jsonb(settings) as settings,
         (select coalesce(jsonb_agg(jsonb_build_object(
                   'grantee', case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee) end,
                   'privilege', a.privilege_type)), '[]')
          from aclexplode(acl) a) as grants
  from objects order by kind, schema, name, identity`;
