import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import type { AfterwriteDatabase } from '../../database/database.ts';
import { rootOf } from '../../database/errors.ts';
import type { EngineObserver } from '../observe/occurrences.ts';

/** The index that finds the events of a subject. A store without a keyring has none, and pays nothing for it. */
export class SubjectIndex {
  readonly #database: Pick<AfterwriteDatabase, 'owner' | 'openDedicated'>;
  readonly #observer: EngineObserver;
  #isStopped = false;

  constructor(database: Pick<AfterwriteDatabase, 'owner' | 'openDedicated'>, observer: EngineObserver) {
    this.#database = database;
    this.#observer = observer;
  }

  /** Makes it, if it is not there. Nobody waits for it: appends and reads go on. */
  begin(): void {
    this.#make().catch((error) => {
      if (!this.#isStopped) this.#observer.tell('faultMet', { error, context: { part: 'index of subjects' } });
    });
  }

  /** If it is being made, that ends with its connection. The next start makes it again. */
  stop(): void {
    this.#isStopped = true;
  }

  async #make(): Promise<void> {
    if (await this.#isThere()) return;
    const { owner, projector } = this.#database.openDedicated();
    try {
      await this.#makeOn(owner.db);
    } finally {
      await Promise.all([owner.close(1000), projector.close(1000)]);
    }
  }

  /** One that is there and not valid is being made by another instance, or was interrupted. */
  async #makeOn(db: Database): Promise<void> {
    const [other] = await db.execute(
      sql`select from pg_stat_progress_create_index where relid = to_regclass('es.events')`,
    );
    if (other) return;
    try {
      await db.execute(sql`drop index concurrently if exists es.events_subject`);
      await db.execute(sql`
        create index concurrently if not exists events_subject
        on es.events ((data->'$personal'->>'of'), position) where data ? '$personal'`);
    } catch (error) {
      // Another instance was quicker.
      if (!/^(23505|42P07|40P01)$/.test(rootOf(error).code)) throw error;
    }
  }

  async #isThere(): Promise<boolean> {
    const [index] = await this.#database.owner.db.execute<{ isValid: boolean }>(sql`
      select indisvalid as "isValid" from pg_index where indexrelid = to_regclass('es.events_subject')`);
    return index?.isValid ?? false;
  }
}
