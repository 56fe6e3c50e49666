import type postgres from 'postgres';
import { beforeAll } from 'vitest';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import { connect } from '../../../src/database/session.ts';
import type { TestDatabase } from '../../support/postgres/database.ts';

export const PARTS = ['writer', 'projector', 'reader'] as const;
export type Part = (typeof PARTS)[number];

const INSUFFICIENT_PRIVILEGE = '42501';

/** A session of each part of the application. */
export class PartSessions {
  readonly #sessions = new Map<Part, postgres.Sql>();

  async open(url: string): Promise<void> {
    const { roles } = await migrateDatabase(url);
    for (const part of PARTS) {
      const { login } = roles[part];
      if (!login) throw new Error(`The ${part} does not log in.`);
      this.#sessions.set(part, connect({ url, login, applicationName: 'matrix' }, { max: 1 }));
    }
  }

  of(part: Part): postgres.Sql {
    const session = this.#sessions.get(part);
    if (!session) throw new Error('There are sessions only while a test runs.');
    return session;
  }

  /**
   * True if Postgres refuses a statement for lack of rights. Its effects are rolled back. Other errors do not count as
   * a refusal.
   */
  async isRefused(part: Part, statement: string): Promise<boolean> {
    const undo = new Error('undo');
    try {
      await this.of(part).begin(async (tx) => {
        // A read-only transaction refuses too, and whoever is in the session can end that.
        await tx.unsafe('set transaction read write');
        await tx.unsafe(statement);
        throw undo;
      });
    } catch (error) {
      const { code } = error as { code?: string };
      // It is refused in a transaction to everybody.
      if (code === '25001') return this.isRefusedAlone(part, statement);
      return error !== undo && code === INSUFFICIENT_PRIVILEGE;
    }
    return false;
  }

  /** The same without a transaction: what it does stays. */
  async isRefusedAlone(part: Part, statement: string): Promise<boolean> {
    try {
      await this.of(part).unsafe(statement);
    } catch (error) {
      return (error as { code?: string }).code === INSUFFICIENT_PRIVILEGE;
    }
    return false;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((sql) => sql.end({ timeout: 1 })));
  }
}

/** Gives a file's tests a session of each part on their database. */
export function usePartSessions(database: TestDatabase): PartSessions {
  const sessions = new PartSessions();
  beforeAll(async () => {
    await sessions.open(database.url);
    return () => sessions.end();
  });
  return sessions;
}
