import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';

/**
 * Gives what migrations have made to the owner of the log, in their transaction. Servers that run meanwhile append with the rights
 * of that owner: if a function that they call needed a table of somebody else, even for a moment, their appends would fail.
 */
export async function handOver(tx: Database): Promise<void> {
  await tx.execute(
    sql.raw(`do $$
      declare
        rightful constant oid := (select relowner from pg_class where oid = to_regclass('es.events'));
        statement text;
      begin
        for statement in
          select format('alter %s %s owner to %s', case c.relkind when 'S' then 'sequence' else 'table' end, c.oid::regclass, rightful::regrole)
          from pg_class c
          where c.relnamespace in (to_regnamespace('es'), to_regnamespace('read')) and c.relowner <> rightful
            and c.relkind in ('r', 'p', 'S')
            -- A sequence of a column follows its table.
            and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
                            and d.refclassid = 'pg_class'::regclass)
          union all
          select format('alter routine %s owner to %s', p.oid::regprocedure, rightful::regrole)
          from pg_proc p
          where p.pronamespace in (to_regnamespace('es'), to_regnamespace('read')) and p.proowner <> rightful and p.prokind in ('f', 'a')
        loop
          execute statement;
        end loop;
      end $$`),
  );
}
