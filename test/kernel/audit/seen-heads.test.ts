import { expect, it } from 'vitest';
import { SeenHeads } from '../../../src/kernel/audit/heads/seen-heads.ts';
import { anAppend } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { newSigningKey, signHeadNow } from '../../support/kernel/forging.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const openEngine = useEngine(useDatabase({ tables: [countersTable] }), [counterDomain]);

it('a server that does not sign reports a log that has grown for long without a head', async () => {
  const engine = await openEngine();
  const { db } = engine.database.owner;
  let now = 0;
  const seen = new SeenHeads(db, () => now, 1000);
  now = 5000;
  // Nothing was to be signed.
  await seen.watch();
  await engine.log.append([anAppend()]);
  now = 6000;
  await seen.watch();
  now = 6001;
  await expect(seen.watch()).rejects.toThrow('The log ends at 1, and its last head is of position 0: none was signed');
  await signHeadNow(db, newSigningKey());
  await seen.look();
  now = 9000;
  await seen.watch();
});
