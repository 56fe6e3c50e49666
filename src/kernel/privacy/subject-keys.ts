import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { rootOf } from '../../database/errors.ts';
import { readAgain } from '../../database/transient.ts';
import { within } from '../../scheduling/timers.ts';
import type { Subject } from '../define/personal/subject.ts';
import { KEY_BYTES } from './box.ts';
import { recordErasures } from './claim-keyring.ts';
import { GONE, type Gone, type Keyring, KeyringError } from './keyring.ts';
import type { KeyLookup, KeyRef, Lost } from './sealed-data.ts';

/** Keys that are kept in memory: about 400 bytes each, with their names. */
const CACHED_KEYS = 50_000;
/** How long, in ms. An erasure drops them at once where it is known; this is the longest time elsewhere. */
const CACHED_MS = 300_000;
/** Keys that one statement reads, and keys that the keyring is asked for at the same time. */
const KEYS_PER_STATEMENT = 5000;
const KEYS_AT_ONCE = 32;
/** The code of Postgres for keys that were wrapped with a former generation (drizzle/0043). */
const OUTDATED_GENERATION = 'AW004';
/** How long the keyring may take for one key, in ms. */
const KEYRING_WITHIN_MS = 10_000;

interface KeyRow {
  subject: Subject;
  until: string;
  wrapped: string;
}

/** What is erased, instead of the subjects, when the last day is over on which parts are kept. */
export function retentionSubject(until: string): Subject {
  return `until/${until}`;
}

/**
 * The data keys of subjects. They are stored in `es.subject_keys`, wrapped by the keyring. Those of a page of events are read in one
 * statement.
 */
export class SubjectKeys {
  readonly #keyring: Keyring;
  readonly #owner: Database;
  readonly #read: ReturnType<typeof prepared<KeyRow>>;
  readonly #keep: ReturnType<typeof prepared<KeyRow>>;
  readonly #cache = new LRUCache<string, Buffer | Gone>({ max: CACHED_KEYS, ttl: CACHED_MS });
  /** Increased when keys are dropped, so that what is being read meanwhile is not kept. */
  #drops = 0;

  /**
   * @param db with the writer's rights.
   * @param owner with the rights of the log's owner.
   */
  constructor(db: Database, owner: Database, keyring: Keyring) {
    this.#keyring = keyring;
    this.#owner = owner;
    this.#read = prepared(
      db,
      'es_subject_keys',
      sql`select k.subject, k.until, encode(k.wrapped, 'base64') as wrapped
          from jsonb_to_recordset(${sql.placeholder('asked')}::jsonb) as a(s text, u text)
          join es.subject_keys k on k.subject = a.s and k.until = a.u`,
    );
    this.#keep = prepared(
      db,
      'es_keep_subject_keys',
      sql`select subject, until, encode(wrapped, 'base64') as wrapped
          from es.keep_wrapped_keys(${sql.placeholder('keys')}::jsonb, ${sql.placeholder('generation')}::int)`,
    );
  }

  /** A secret for keyed hashes. */
  get hashKey(): Buffer {
    return this.#keyring.hashKey;
  }

  /** How often keys were dropped: if this has changed, keys that were given before may be of somebody who was erased. */
  get drops(): number {
    return this.#drops;
  }

  /** True if a key is known to be destroyed. Nothing is read. */
  isKnownGone(ref: KeyRef): boolean {
    return this.#cache.get(nameOf(ref)) === GONE;
  }

  /** The keys, if all of them are in memory. */
  cached(refs: readonly KeyRef[]): KeyLookup | undefined {
    const found = new Map<string, Buffer | Gone>();
    for (const ref of refs) {
      const name = nameOf(ref);
      const key = this.#cache.get(name);
      if (key === undefined) return undefined;
      found.set(name, key);
    }
    return (ref) => found.get(nameOf(ref)) ?? 'lost';
  }

  /**
   * The keys that stored events need.
   * @throws {KeyringError} if the keyring cannot be read, or the database's error.
   */
  async forReading(refs: readonly KeyRef[]): Promise<KeyLookup> {
    const found = await this.#find(refs);
    return (ref) => found.get(nameOf(ref)) ?? 'lost';
  }

  /**
   * The keys for events that will be stored. A subject without a key gets one, the same whoever else makes one at this moment.
   * @throws {KeyringError} if the keyring cannot be read, or the database's error.
   */
  async forWriting(refs: readonly KeyRef[]): Promise<KeyLookup> {
    const found = await this.#find(refs);
    const missing = distinct(refs).filter((ref) => found.get(nameOf(ref)) === 'lost');
    if (missing.length > 0) await this.#make(missing, found);
    return (ref) => found.get(nameOf(ref)) ?? 'lost';
  }

  /**
   * Destroys the keys of a subject, or those of a {@link retentionSubject}, for good: whatever they have encrypted cannot be read any
   * more, also from a backup. It can be repeated.
   * @param record called when nobody can read the data any more, to say so in the log. If the process dies before that has
   *   happened, the wrapped keys are still stored, which is how the erasure is found again (see `upkeep.ts`).
   * @throws {KeyringError} KEYRING_READ_ONLY, KEYRING_BUSY
   */
  async erase<T>(subject: Subject, record: () => Promise<T>): Promise<T> {
    const before = await this.#keyring.erasures();
    const isRepeated = await this.#keyring.isErased(subject);
    // The keyring first: only that is for good.
    await this.#keyring.erase(subject);
    const recorded = await record();
    await this.#deleteKeys(subject);
    this.forget([subject]);
    // If anything but this subject was erased meanwhile, whoever did that may have died before it was recorded.
    const erasures = await this.#keyring.erasures();
    if (!isRepeated && erasures === before + 1) await recordErasures(this.#owner, erasures, before);
    return recorded;
  }

  /**
   * Follows erasures by others: from now on, nothing is answered or made with what the keyring was before.
   * @throws {KeyringError} if the keyring cannot be read. The keys are dropped from memory in any case.
   */
  async follow(subjects: readonly string[]): Promise<void> {
    try {
      await this.#ask(this.#keyring.refresh());
    } finally {
      this.forget(subjects);
    }
  }

  /** Drops all keys from memory. */
  forgetAll(): void {
    this.#drops++;
    this.#cache.clear();
  }

  /** Drops from memory the keys of subjects that were erased. */
  forget(subjects: readonly string[]): void {
    this.#drops++;
    const erased = new Set(subjects);
    for (const name of this.#cache.keys()) {
      // A subject may have line feeds, and a day has none.
      const end = name.lastIndexOf('\n');
      const [of, until] = [name.slice(0, end), name.slice(end + 1)];
      if (erased.has(of) || (until && erased.has(retentionSubject(until)))) this.#cache.delete(name);
    }
  }

  async #deleteKeys(subject: Subject): Promise<void> {
    await this.#owner.execute(sql`delete from es.subject_keys where subject = ${subject}`);
    const prefix = retentionSubject('');
    if (!subject.startsWith(prefix)) return;
    const until = subject.slice(prefix.length);
    await this.#owner.execute(sql`delete from es.subject_keys where until <> '' and until = ${until}`);
  }

  async #find(refs: readonly KeyRef[]): Promise<Map<string, Buffer | Gone | Lost>> {
    const found = new Map<string, Buffer | Gone | Lost>();
    const missing = distinct(refs).filter((ref) => {
      const key = this.#cache.get(nameOf(ref));
      if (key !== undefined) found.set(nameOf(ref), key);
      return key === undefined;
    });
    for (let from = 0; from < missing.length; from += KEYS_PER_STATEMENT) {
      const asked = missing.slice(from, from + KEYS_PER_STATEMENT);
      const drops = this.#drops;
      const rows = await readAgain(() => this.#read({ asked: jsonOf(asked) }));
      await this.#unwrap(asked, rows, found);
      this.#remember(asked, found, drops);
    }
    return found;
  }

  async #make(refs: readonly KeyRef[], found: Map<string, Buffer | Gone | Lost>): Promise<void> {
    const drops = this.#drops;
    const rows = await this.#keepNew(refs, found).catch(async (error) => {
      if (rootOf(error).code !== OUTDATED_GENERATION) throw error;
      // The keyring was rotated a moment ago, and this process has not seen it yet.
      await this.#ask(this.#keyring.refresh());
      return this.#keepNew(refs, found);
    });
    const kept = refs.filter((ref) => found.get(nameOf(ref)) !== GONE);
    if (kept.length > 0) await this.#unwrap(kept, rows, found);
    this.#remember(refs, found, drops);
  }

  /** Makes keys, and keeps those that nobody has kept before. @returns those that are kept. */
  async #keepNew(refs: readonly KeyRef[], found: Map<string, Buffer | Gone | Lost>): Promise<KeyRow[]> {
    const generation = (await this.#ask(this.#keyring.generations())).at(-1)?.number ?? 0;
    const made = await inTurns(refs, async (ref) => {
      const wrapped = await this.#wrapNew(ref);
      if (wrapped === GONE) found.set(nameOf(ref), GONE);
      return wrapped === GONE ? [] : [{ s: ref.subject, u: ref.until ?? '', w: wrapped.toString('base64') }];
    });
    const keys = made.flat();
    return keys.length > 0 ? readAgain(() => this.#keep({ keys: JSON.stringify(keys), generation })) : [];
  }

  /** The keys of rows; a key without a row is gone if its subject is, and else lost. */
  async #unwrap(
    refs: readonly KeyRef[],
    rows: readonly KeyRow[],
    found: Map<string, Buffer | Gone | Lost>,
  ): Promise<void> {
    const wrapped = new Map(rows.map((row) => [nameOf(row), row.wrapped]));
    await inTurns(refs, async (ref) => {
      const text = wrapped.get(nameOf(ref));
      found.set(nameOf(ref), await (text === undefined ? this.#whyMissing(ref) : this.#open(ref, text)));
    });
  }

  async #wrapNew({ subject, until }: KeyRef): Promise<Buffer | Gone> {
    const key = await this.#ask(this.#keyring.wrap(subject, randomBytes(KEY_BYTES)));
    if (key === GONE || !until) return key;
    // Whoever destroys either of the two destroys the key.
    return this.#ask(this.#keyring.wrap(retentionSubject(until), key));
  }

  async #open({ subject, until }: KeyRef, text: string): Promise<Buffer | Gone | Lost> {
    try {
      const wrapped = Buffer.from(text, 'base64');
      const inner = until ? await this.#ask(this.#keyring.unwrap(retentionSubject(until), wrapped)) : wrapped;
      return inner === GONE ? GONE : await this.#ask(this.#keyring.unwrap(subject, inner));
    } catch (error) {
      if (error instanceof KeyringError && error.code === 'KEY_DAMAGED') return 'lost';
      throw error;
    }
  }

  async #whyMissing({ subject, until }: KeyRef): Promise<Gone | Lost> {
    if (await this.#ask(this.#keyring.isErased(subject))) return GONE;
    return until && (await this.#ask(this.#keyring.isErased(retentionSubject(until)))) ? GONE : 'lost';
  }

  #ask<T>(answer: Promise<T>): Promise<T> {
    return within(KEYRING_WITHIN_MS, answer, () => {
      throw new KeyringError('KEYRING_UNAVAILABLE', `The keyring has not answered within ${KEYRING_WITHIN_MS} ms.`);
    });
  }

  #remember(refs: readonly KeyRef[], found: ReadonlyMap<string, Buffer | Gone | Lost>, drops: number): void {
    if (drops !== this.#drops) return;
    for (const ref of refs) {
      const key = found.get(nameOf(ref));
      if (key !== undefined && key !== 'lost') this.#cache.set(nameOf(ref), key);
    }
  }
}

function nameOf({ subject, until }: KeyRef): string {
  return `${subject}\n${until ?? ''}`;
}

function distinct(refs: readonly KeyRef[]): KeyRef[] {
  return [...new Map(refs.map((ref) => [nameOf(ref), ref])).values()];
}

function jsonOf(refs: readonly KeyRef[]): string {
  return JSON.stringify(refs.map(({ subject, until }) => ({ s: subject, u: until ?? '' })));
}

/** A few at a time. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let from = 0; from < items.length; from += KEYS_AT_ONCE) {
    done.push(...(await Promise.all(items.slice(from, from + KEYS_AT_ONCE).map(work))));
  }
  return done;
}
