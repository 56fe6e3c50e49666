import { describe, expect, it } from 'vitest';
import { engineHistory, migrationsOf } from '../../../src/database/migrations/migration-history.ts';

/** Code that is older than this migration cannot run on a newer database anyway: with it, the database says what code it needs. */
const FIRST_WITH_NEEDS = '0030_older_code';

/** True if a migration takes something away that older code works with, and does not say which code the database needs then. */
function isUnannounced(migration: string): boolean {
  const statements = migration.replaceAll(/--.*$/gm, '');
  const takes = /\b(drop|rename|set\s+not\s+null)\b/i.test(statements);
  return takes && !/\bupdate\s+"?es"?\."?store"?\s+set\s+"?least_migration"?\s*=/i.test(statements);
}

describe('a migration of the engine that takes away what older code works with', () => {
  it('says which code the database needs then', () => {
    const names = migrationsOf(engineHistory).map(({ name }) => name);
    expect(names).toContain(FIRST_WITH_NEEDS);
    const later = migrationsOf(engineHistory).slice(names.indexOf(FIRST_WITH_NEEDS) + 1);
    const unannounced = later.filter(({ statements }) => isUnannounced(statements.join('\n'))).map(({ name }) => name);
    expect(unannounced).toEqual([]);
  });

  it.each([
    'ALTER TABLE "es"."events" DROP COLUMN "data";',
    'ALTER TABLE "es"."events" RENAME COLUMN "data" TO "content";',
    'ALTER TABLE "es"."events" ALTER COLUMN "data" SET NOT NULL;',
    'drop index es.by_command; -- update es.store set least_migration = 1',
  ])('is recognised: %s', (statement) => {
    expect(isUnannounced(statement)).toBe(true);
    expect(isUnannounced(`${statement}\nUPDATE "es"."store" SET "least_migration" = 1796030344652;`)).toBe(false);
  });

  it.each([
    'ALTER TABLE "es"."events" ADD COLUMN "more" text NOT NULL DEFAULT 1;',
    '-- Readers drop what they do not know.\nCREATE TABLE es.dropped (id int);',
  ])('is told from one that only adds: %s', (statement) => {
    expect(isUnannounced(statement)).toBe(false);
  });
});
