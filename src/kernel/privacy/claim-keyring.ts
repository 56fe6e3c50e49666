import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { noKeyring } from '../log/decode-event.ts';
import { type Keyring, KeyringError } from './keyring.ts';

/**
 * Makes a keyring that of the store, if it has none yet.
 * @param db with the writer's rights.
 * @param keyring undefined if KEYRING_URL is not set.
 * @throws {KeyringError} KEYRING_UNSET if the store has a keyring and this process has none; KEYRING_FOREIGN if they have different
 *   ones; KEYRING_OUTDATED if this one is an older copy.
 */
export async function claimKeyring(db: Database, keyring: Keyring | undefined): Promise<void> {
  if (!keyring) {
    const [claimed] = await db.execute(sql`select from es.keyring`);
    if (claimed) throw noKeyring();
    return;
  }
  await db.execute(sql`select from es.claim_keyring(${keyring.id}::text::uuid)`);
  await isKeyringOf(db, keyring);
  await noteGeneration(db, keyring);
}

/**
 * Remembers the newest generation of a keyring that {@link isKeyringOf} the store. From then on, copies from before are refused, and keys
 * that a stalled server has wrapped with a former generation are not kept.
 * @param db with the writer's rights.
 */
export async function noteGeneration(db: Database, keyring: Keyring): Promise<void> {
  const newest = (await keyring.generations()).at(-1);
  if (newest) await db.execute(sql`select es.note_generation(${newest.number}::int, ${newest.mark}::text)`);
}

/**
 * True if a keyring is that of the store; false if the store has none. Nothing is changed.
 * @throws {KeyringError} KEYRING_FOREIGN, KEYRING_OUTDATED as {@link claimKeyring} does.
 */
export async function isKeyringOf(db: Database, keyring: Keyring): Promise<boolean> {
  const [store] = await db.execute<StoredKeyring>(
    sql`select id, erasures, generation, generation_mark as mark from es.keyring`,
  );
  if (!store) return false;
  await refuseOther(keyring, store);
  await refuseFormer(db, keyring);
  return true;
}

/** What a store remembers of its keyring. */
interface StoredKeyring extends Record<string, unknown> {
  readonly id: string;
  readonly erasures: number;
  /** The newest one that is known; 0 if none is. */
  readonly generation: number;
  readonly mark: string | null;
}

async function refuseOther(keyring: Keyring, store: StoredKeyring): Promise<void> {
  if (store.id !== keyring.id) {
    throw new KeyringError(
      'KEYRING_FOREIGN',
      `The personal data in this store is encrypted with the keyring ${store.id}, and KEYRING_URL names ${keyring.id}. Set it to the former one.`,
    );
  }
  const generations = await keyring.generations();
  const same = generations.find(({ number }) => number === store.generation);
  if (same && store.mark !== null && same.mark !== store.mark) {
    throw new KeyringError(
      'KEYRING_FOREIGN',
      `KEYRING_URL names a copy of the keyring that was rotated by itself: its generation ${store.generation} is another one than that with which the keys in this store are wrapped. Put the keyring back that was used here.`,
    );
  }
  const newest = generations.at(-1)?.number ?? 0;
  if (newest < store.generation) {
    throw new KeyringError(
      'KEYRING_OUTDATED',
      `KEYRING_URL names an older copy of the keyring, of generation ${newest} instead of ${store.generation}: it is from before a rotation, and cannot read what was encrypted since. Put the newest one back.`,
    );
  }
  const erasures = await keyring.erasures();
  if (erasures >= store.erasures) return;
  throw new KeyringError(
    'KEYRING_OUTDATED',
    `KEYRING_URL names an older copy of the keyring, with ${erasures} of ${store.erasures} erased subjects. Put the newest one back.`,
  );
}

/** A rotation wraps the keys in their order, so that the first one shows that it was begun. */
async function refuseFormer(db: Database, keyring: Keyring): Promise<void> {
  const [first] = await db.execute<{ wrapped: string }>(
    sql`select encode(wrapped, 'base64') as wrapped from es.subject_keys order by subject, until limit 1`,
  );
  if (!first || !(await keyring.isNewer(Buffer.from(first.wrapped, 'base64')))) return;
  throw new KeyringError(
    'KEYRING_OUTDATED',
    'KEYRING_URL names a copy of the keyring from before its last rotation, which cannot read what was wrapped since. Put the newest one back.',
  );
}

/**
 * How many erased subjects of the keyring the store takes into account: a copy of the keyring with fewer is refused, and if the
 * keyring has more, the store is searched for those that it lacks.
 * @param db with the rights of the log's owner.
 */
export async function erasuresInStore(db: Database): Promise<number | undefined> {
  const [store] = await db.execute<{ erasures: number }>(sql`select erasures from es.keyring`);
  return store?.erasures;
}

/**
 * Records how many erased subjects the store takes into account. The number never falls.
 * @param since if given, the number is recorded only if the one before is this: otherwise the store lacks other erasures.
 */
export async function recordErasures(db: Database, erasures: number, since?: number): Promise<void> {
  await db.execute(sql`
    update es.keyring set erasures = ${erasures}::int
    where erasures < ${erasures}::int and erasures = coalesce(${since ?? null}::int, erasures)`);
}
