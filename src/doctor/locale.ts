import { sql } from 'drizzle-orm';
import type { Database } from '../database/client.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** The collation with which search folds case, see `read.search_text`. */
const FOLDING = '"und-x-icu"';

/** Whether text is still compared and sorted as it was when the indexes were created. */
export async function checkLocale(db: Database): Promise<Finding[]> {
  const [row] = await db.execute<{
    provider: string;
    locale: string;
    made: string | null;
    actual: string | null;
    icu: boolean;
  }>(sql`
    select case datlocprovider when 'c' then 'libc' when 'i' then 'ICU' when 'b' then 'builtin' else datlocprovider::text end as provider,
           datcollate as locale, datcollversion as made, pg_database_collation_actual_version(oid) as actual,
           to_regcollation(${`pg_catalog.${FOLDING}`}) is not null as icu
    from pg_database where datname = current_database()`);
  if (!row) return [];
  const { provider, locale, made, actual, icu } = row;
  const found: Finding[] = [];
  if (!icu) {
    found.push(
      problem(
        'locale',
        `this Postgres was built without ICU: there is no collation ${FOLDING}`,
        'Use a Postgres with ICU, as all usual packages and services have it: text is searched by it.',
      ),
    );
  }
  if (made !== null && actual !== null && made !== actual) {
    found.push(
      warning(
        'locale',
        `the database was made with version ${made} of its collations, and the machine has ${actual} now`,
        'Indexes on text may be wrong: reindex database, then: alter database … refresh collation version.',
      ),
    );
  }
  return found.length > 0 ? found : [ok('locale', `${locale} of ${provider}, and ICU to fold case with`)];
}
