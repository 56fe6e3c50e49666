import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import type { Subject } from '../define/personal/subject.ts';
import { GONE, type Gone, type Keyring } from './keyring.ts';
import { retentionSubject } from './subject-keys.ts';

/** Keys that are read together. */
const PAGE = 500;

interface WrappedKey extends Record<string, unknown> {
  readonly subject: Subject;
  readonly until: string;
  readonly wrapped: string;
}

/**
 * Wraps all data keys with the newest generation of the keyring. Events are not touched. It can be repeated, and works beside servers.
 * @param db with the rights of the log's owner.
 * @returns the number of keys that were wrapped again.
 */
export async function rewrapKeys(
  db: Database,
  keyring: Keyring,
  { signal, onProgress }: { readonly signal?: AbortSignal; readonly onProgress?: (done: number) => void } = {},
): Promise<number> {
  let [seen, changed] = [0, 0];
  let after: Pick<WrappedKey, 'subject' | 'until'> | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const beyond = after ? sql`where (subject, until) > (${after.subject}, ${after.until})` : sql``;
    const page = await db.execute<WrappedKey>(sql`
      select subject, until, encode(wrapped, 'base64') as wrapped from es.subject_keys ${beyond}
      order by subject, until limit ${PAGE}`);
    for (const key of page) if (await rewrap(db, keyring, key)) changed++;
    seen += page.length;
    onProgress?.(seen);
    after = page.at(-1);
    if (!after || page.length < PAGE) return changed;
  }
}

/** @returns false if all its wrappings are of the newest generation already, or if it is of somebody who was erased. */
async function rewrap(db: Database, keyring: Keyring, { subject, until, wrapped: text }: WrappedKey): Promise<boolean> {
  // The last name is that of the outer wrapping.
  const names = until === '' ? [subject] : [subject, retentionSubject(until)];
  let key: Buffer | Gone = Buffer.from(text, 'base64');
  let isNewest = true;
  for (const name of names.toReversed()) {
    isNewest &&= await keyring.isNewest(key);
    key = await keyring.unwrap(name, key);
    if (key === GONE) return false;
  }
  if (isNewest) return false;
  for (const name of names) {
    key = await keyring.wrap(name, key);
    if (key === GONE) return false;
  }
  await db.execute(sql`
    update es.subject_keys set wrapped = decode(${key.toString('base64')}, 'base64')
    where subject = ${subject} and until = ${until} and wrapped = decode(${text}, 'base64')`);
  return true;
}
