import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { SYSTEM } from '../define/access/actor.ts';
import { derivedId } from '../define/derived-id.ts';
import type { Subject } from '../define/personal/subject.ts';
import { ERASURES } from '../define/subjects/subject-erased.ts';
import { erasuresInStore, recordErasures } from '../privacy/claim-keyring.ts';
import type { Keyring } from '../privacy/keyring.ts';
import { retentionSubject } from '../privacy/subject-keys.ts';
import type { ErasureOrder } from './subjects.ts';

export interface UpkeepParts {
  /** With the rights of the tables' owner. */
  readonly owner: Database;
  readonly keyring: Pick<Keyring, 'erasures' | 'isErased' | 'mayHaveErased'>;
  readonly clock: { now(): number };
  readonly erase: (order: ErasureOrder) => Promise<unknown>;
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
    if (performance.now() - this.#lookedAt >= LOOK_EVERY_MS) {
      await this.#follow();
      this.#lookedAt = performance.now();
    }
    const day = new Date(this.#parts.clock.now()).toISOString().slice(0, 10);
    if (day !== this.#day) await this.#eraseBefore(day);
    this.#day = day;
  }

  async #eraseBefore(day: string): Promise<void> {
    const days = await this.#parts.owner.execute<{ until: string }>(
      sql`select distinct until from es.subject_keys where until <> '' and until < ${day} order by until`,
    );
    for (const { until } of days) {
      const subject = retentionSubject(until);
      await this.#erase(subject, `It was to be kept until ${until}.`, 'as its day is over');
    }
  }

  /** All servers find the same at the same time. One event is enough: each would have read models made again. */
  async #erase(subject: Subject, reason: string, occasion: string): Promise<void> {
    const commandId = derivedId(`erasure of ${subject} ${occasion}`, ERASURES.streamId);
    await this.#parts.erase({ subject, reason, actor: SYSTEM, commandId });
  }

  /**
   * The keyring knows of more erasures than the store: the store was restored from an older backup, or a process died in the middle of an
   * erasure. The keys of these subjects are still stored, but nothing can open them. Read models may have their data: the erasures are
   * recorded again, so that they are made again without it.
   */
  async #follow(): Promise<void> {
    const { owner, keyring } = this.#parts;
    const stored = await erasuresInStore(owner);
    // Somebody may be erased whose key this loop has already passed. The next run finds them, because the count was read before.
    const erasures = await keyring.erasures();
    if (stored === undefined || erasures <= stored) return;
    if (await keyring.mayHaveErased(stored)) await this.#recordAgain(erasures);
    await recordErasures(owner, erasures);
  }

  /** Records again the erasures of those whose keys are still stored. */
  async #recordAgain(erasures: number): Promise<void> {
    const { owner, keyring } = this.#parts;
    for (
      let after: { readonly subject: string; readonly until: string } | undefined = { subject: '', until: '' };
      after;
    ) {
      const keys: StoredKey[] = await owner.execute<StoredKey>(
        sql`select subject, until from es.subject_keys where (subject, until) > (${after.subject}, ${after.until})
            order by subject, until limit ${PAGE}`,
      );
      const subjects = keys.flatMap(({ subject, until }) =>
        until === '' ? [subject] : [subject, retentionSubject(until)],
      );
      for (const subject of new Set(subjects)) {
        if (!(await keyring.isErased(subject))) continue;
        await this.#erase(subject, 'Erased before, as the keyring knows.', `of ${erasures} in the keyring`);
      }
      after = keys.at(-1);
    }
  }
}

interface StoredKey extends Record<string, unknown> {
  readonly subject: Subject;
  readonly until: string;
}
