import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { Database } from '../../../src/database/client.ts';
import { SignerLease } from '../../../src/kernel/audit/heads/head-store.ts';
import { type SigningKey, signNextHead } from '../../../src/kernel/audit/heads/next-head.ts';
import { headLine, keyIdOf } from '../../../src/kernel/proof/signed-head.ts';
import type { TestDatabase } from '../postgres/database.ts';

/** A new key that signs heads. */
export function newSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, publicKeys: new Map([[keyIdOf(publicKey), publicKey]]) };
}

/** Signs the log as far as it goes, now or at another time. @returns the line of the head, as a witness gets it. */
export async function signHeadNow(db: Database, key: SigningKey, now = new Date()): Promise<string> {
  const lease = new SignerLease(db, randomUUID());
  await lease.take();
  const next = await signNextHead(db, key, now, AbortSignal.timeout(10_000));
  if (!next) throw new Error('There is nothing to sign.');
  if (!(await lease.store(next.position, next.signed, next.peaks, next.before)))
    throw new Error('The head was not stored.');
  await lease.release();
  return headLine(next.signed);
}

/** Changes the log as its owner or a superuser can, bypassing the triggers. */
export async function forge({ sql }: Pick<TestDatabase, 'sql'>, statements: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`alter table es.events disable trigger all`;
    await tx`alter table es.heads disable trigger all`;
    await tx`alter table es.rewrites disable trigger all`;
    await tx.unsafe(statements);
    await tx`alter table es.heads enable always trigger heads_append_only`;
    await tx`alter table es.events enable always trigger events_append_only`;
    await tx`alter table es.events enable always trigger events_chained`;
    await tx`alter table es.events enable always trigger events_rewritten`;
    await tx`alter table es.rewrites enable always trigger rewrites_append_only`;
  });
}

/** Computes all hashes from a position on again, as a forger does who knows how. */
export const hashedAgainFrom = (position: number) => `
  do $$
  declare event es.events; before bytea := es.hash_at(${position - 1});
  begin
    for event in select * from es.events where position >= ${position} order by position loop
      before := es.chained(before, es.event_leaf(event));
      update es.events set hash = before where position = event.position;
    end loop;
  end $$;`;
