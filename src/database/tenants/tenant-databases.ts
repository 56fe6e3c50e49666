import { sql } from 'drizzle-orm';
import { openPool, type Pool } from '../client.ts';
import { DatabaseError, rootOf } from '../errors.ts';
import { storeOwner } from '../migrations/claim-store.ts';
import { databaseNameIn, PLACEHOLDER, urlOfDatabase } from './database-url.ts';

/** Where the databases of tenants are. */
export interface TenantDatabases {
  /** URL of a tenant's database; undefined if there is no such tenant. No two tenants have the same database. */
  urlOf(tenant: string): Promise<string | undefined>;
  /** The names of all tenants. Their databases are migrated, and opened for work that nobody waits for. */
  list(): Promise<readonly string[]>;
  /** Creates the database of a tenant, if it is missing; undefined if databases are created elsewhere. */
  readonly create?: (tenant: string) => Promise<void>;
}

/** The database in which others are created: every Postgres has it. */
const MAINTENANCE = 'postgres';

/** Databases of one Postgres whose names have the tenant's name in one place. */
export class TemplateDatabases implements TenantDatabases {
  readonly #url: string;
  readonly #before: string;
  readonly #after: string;

  /**
   * @param url of any database of the Postgres, with a user who may create databases if tenants are to be created.
   * @param template the names of the databases, with `{tenant}` in it.
   */
  constructor(url: string, template: string) {
    const [before = '', after = ''] = template.split(PLACEHOLDER);
    this.#url = url;
    this.#before = before;
    this.#after = after;
  }

  /** Databases of the Postgres of this URL, named after the URL's own: `shop_acme` if it is `shop`. */
  static beside(url: string): TemplateDatabases {
    return new TemplateDatabases(url, `${databaseNameIn(url)}_${PLACEHOLDER}`);
  }

  async urlOf(tenant: string): Promise<string | undefined> {
    const name = this.#nameOf(tenant);
    const url = urlOfDatabase(this.#url, name);
    const isThere = await this.#ask(async ({ db }) => {
      return (await db.execute(sql`select from pg_database where datname = ${name}`)).length > 0;
    });
    return isThere ? url : undefined;
  }

  /** Databases that a tenant has claimed. Others whose names fit are somebody else's: nobody may open them for having seen them. */
  async list(): Promise<readonly string[]> {
    const names = await this.#ask(({ db }) =>
      db.execute<{ name: string }>(
        sql`select datname as name from pg_database
            where not datistemplate and datallowconn and has_database_privilege(datname, 'CONNECT') order by datname`,
      ),
    );
    const tenants: string[] = [];
    for (const { name } of names) {
      const tenant = this.#tenantIn(name);
      if (tenant !== undefined && (await this.#isClaimed(name, tenant))) tenants.push(tenant);
    }
    return tenants;
  }

  async create(tenant: string): Promise<void> {
    const name = this.#nameOf(tenant);
    urlOfDatabase(this.#url, name);
    try {
      await this.#ask(({ db }) => db.execute(sql`create database ${sql.identifier(name)}`));
    } catch (error) {
      // Another server has created it at the same moment.
      if (!['42P04', '23505'].includes(rootOf(error).code)) throw error;
    }
  }

  #nameOf(tenant: string): string {
    return `${this.#before}${tenant}${this.#after}`;
  }

  #tenantIn(name: string): string | undefined {
    const { length } = name;
    const [before, after] = [this.#before, this.#after];
    if (length <= before.length + after.length || !name.startsWith(before) || !name.endsWith(after)) return undefined;
    return name.slice(before.length, length - after.length);
  }

  async #isClaimed(name: string, tenant: string): Promise<boolean> {
    try {
      return (await this.#ask(({ db }) => storeOwner(db), name)) === tenant;
    } catch (error) {
      // It was dropped since, or its tables are not this user's.
      if (['3D000', '42501'].includes(rootOf(error).code)) return false;
      throw error;
    }
  }

  async #ask<T>(ask: (pool: Pool) => Promise<T>, name = MAINTENANCE): Promise<T> {
    const url = urlOfDatabase(this.#url, name);
    const pool = openPool({ url, connections: 1, applicationName: 'afterwrite tenants', prepare: false });
    try {
      return await ask(pool);
    } catch (cause) {
      throw DatabaseError.from(cause, url);
    } finally {
      await pool.close(1000);
    }
  }
}
