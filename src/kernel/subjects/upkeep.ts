import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { type Actor, SYSTEM } from '../define/access/actor.ts';
import type { Subject } from '../define/personal/subject.ts';
import { recordErasures } from '../privacy/claim-keyring.ts';
import type { Keyring } from '../privacy/keyring.ts';
import { retentionSubject } from '../privacy/subject-keys.ts';

export interface UpkeepParts {
  /** With the rights of the tables' owner. */
  readonly owner: Database;
  readonly keyring: Pick<Keyring, 'erasures' | 'isErased'>;
  readonly clock: { now(): number };
  readonly erase: (order: { subject: Subject; reason: string; actor: Actor }) => Promise<unknown>;
}

/** Time between two looks at the keyring, in ms. */
const LOOK_EVERY_MS = 60_000;
/** Keys that are looked at together. */
const PAGE = 1000;

/** Erasures that nobody orders: of what was kept until a day that is over, and of people who came back with an old backup. */
export class SubjectsUpkeep {
  readonly #parts: UpkeepParts;
  /** The day, in UTC, up to which everything was erased that is kept until an earlier one. */
  #day = '';
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** Does what is due. Call it often: nearly always, nothing is. */
  async run(): Promise<void> {
    const day = new Date(this.#parts.clock.now()).toISOString().slice(0, 10);
    if (day !== this.#day) await this.#eraseBefore(day);
    this.#day = day;
    if (performance.now() - this.#lookedAt < LOOK_EVERY_MS) return;
    await this.#follow();
    this.#lookedAt = performance.now();
  }

  async #eraseBefore(day: string): Promise<void> {
    const days = await this.#parts.owner.execute<{ until: string }>(
      sql`select distinct until from es.subject_keys where until <> '' and until < ${day} order by until`,
    );
    for (const { until } of days) {
      const subject = retentionSubject(until);
      await this.#parts.erase({ subject, reason: `It was to be kept until ${until}.`, actor: SYSTEM });
    }
  }

  /**
   * The keyring knows of more erasures than the store: the store was restored from an older backup, or a process died in the middle of an
   * erasure. The keys of these subjects are still stored, but nothing can open them. Read models may have their data: the erasures are
   * recorded again, so that they are made again without it.
   */
  async #follow(): Promise<void> {
    const { owner, keyring, erase } = this.#parts;
    const [store] = await owner.execute<{ erasures: number }>(sql`select erasures from es.keyring`);
    if (!store || (await keyring.erasures()) <= store.erasures) return;
    for (let after: StoredKey | undefined = { subject: '', until: '' }; after; ) {
      const keys: StoredKey[] = await owner.execute<StoredKey>(
        sql`select subject, until from es.subject_keys where (subject, until) > (${after.subject}, ${after.until})
            order by subject, until limit ${PAGE}`,
      );
      for (const { subject, until } of keys) {
        const stored = until === '' ? [subject as Subject] : [subject as Subject, retentionSubject(until)];
        for (const each of stored) {
          if (!(await keyring.isErased(each))) continue;
          await erase({ subject: each, reason: 'Erased before, as the keyring knows.', actor: SYSTEM });
        }
      }
      after = keys.at(-1);
    }
    await recordErasures(owner, keyring);
  }
}

interface StoredKey extends Record<string, unknown> {
  readonly subject: string;
  readonly until: string;
}
