import { beforeEach } from 'vitest';
import { type Audit, auditLog } from '../../../src/kernel/audit/audit-log.ts';
import type { SigningKey } from '../../../src/kernel/audit/heads/next-head.ts';
import { useDatabase } from '../postgres/database.ts';
import { anAppend, incremented } from './appends.ts';
import { counterDomain, countersTable } from './counter.ts';
import { type TestEngine, useEngine } from './engine.ts';
import { forge, newSigningKey, signHeadNow } from './forging.ts';

export const [A, B] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'] as const;

interface Looking {
  readonly from?: number;
  readonly to?: number;
  readonly withKey?: boolean;
  readonly withWitness?: boolean;
}

/**
 * A log with 12 events of two streams for each test: A1 to A3, B1, B2, A4 to A8, B3, B4. Heads of the positions 5 and 10 are signed,
 * and a witness has both.
 */
export function useAuditedLog() {
  const database = useDatabase({ tables: [countersTable] });
  const openEngine = useEngine(database, [counterDomain]);
  let engine: TestEngine;
  let key: SigningKey;
  let witness: string[];
  const db = () => engine.database.owner.db;
  const log = {
    append: async (streamId: string, expectedVersion: number, count = 1) => {
      const events = Array.from({ length: count }, (_, nth) => incremented(nth + 1));
      await engine.log.append([anAppend({ streamId, expectedVersion, events })]);
    },
    /** Signs a head, and gives it to the witness. */
    sign: async () => {
      witness.push(await signHeadNow(db(), key));
    },
    /** Signs a head with a key that is not the log's. */
    signAsAnother: () => signHeadNow(db(), newSigningKey()),
    database,
    forge: (statements: string) => forge(database, statements),
    audit: ({ from, to, withKey = true, withWitness = false }: Looking = {}): Promise<Audit> =>
      auditLog(db(), {
        ...{ from, to, keys: withKey ? key.publicKeys : new Map(), signal: AbortSignal.timeout(20_000) },
        witness: withWitness ? lines(witness) : undefined,
      }),
    /** The range of the fault that an audit finds, and its sentence. */
    found: async (looking?: Looking) => {
      const { fault } = await log.audit(looking);
      return fault && [fault.from, fault.to, fault.message];
    },
  };
  beforeEach(async () => {
    engine = await openEngine();
    key = newSigningKey();
    witness = [];
    await log.append(A, 0, 3);
    await log.append(B, 0, 2);
    await log.sign();
    await log.append(A, 3, 5);
    await log.sign();
    await log.append(B, 2, 2);
  });
  return log;
}

async function* lines(of: readonly string[]): AsyncGenerator<string> {
  yield* of;
}

// What forgers do.

export const set = (what: string, position: number) => `update es.events set ${what} where position = ${position};`;

export const data = `data = '{"by": 1000}'`;

export const renumber = (by: number, from: number) =>
  // Not at once: positions are unique, row by row.
  `update es.events set position = -position where position >= ${from};
   update es.events set position = -position + ${by} where position < 0;`;

export const copyOf = (position: number, to: number, version = 99) =>
  `insert into es.events select ${to}, stream_type, stream_id, ${version}, type, schema_version, data, metadata, gen_random_uuid(),
     null, gen_random_uuid(), occurred_at, recorded_at, sha256('') from es.events where position = ${position};`;

export const exchange = (one: number, other: number) =>
  `update es.events set position = -1 where position = ${one};
   update es.events set position = ${one} where position = ${other};
   update es.events set position = ${other} where position = -1;`;
