import { stat } from 'node:fs/promises';
import { getTableName } from 'drizzle-orm';
import postgres from 'postgres';
import { customersTable } from '../../../src/domains/customers/read-models.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { FileKeyring } from '../../../src/kernel/privacy/file-keyring/file-keyring.ts';
import type { BenchContext } from '../measuring/benchmark.ts';
import type { Measurement } from '../measuring/result.ts';
import { peopleDomain, writePeople } from '../workloads/people.ts';
import { openEngine, prepareDatabase } from './engine.ts';

const RENAMINGS = 9;

/**
 * How long an erasure takes in logs of these sizes: until nobody can read the person any more, and until the read model has been made
 * again without them. Each round erases another person.
 */
export async function measureErasures(
  { postgres: server, rounds, say }: BenchContext,
  sizes: readonly number[],
  keyringPath: string,
): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  for (const events of sizes) {
    const at = `${events.toLocaleString('en')} events`;
    say(`  erasing in a log of ${at}`);
    const url = await prepareDatabase(server, `erasing_${events}`);
    const path = `${keyringPath}.${events}`;
    const engine = await openEngine(url, [peopleDomain], { keyring: await FileKeyring.create(path) });
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    const [hidden, remade, bytes] = [[] as number[], [] as number[], [] as number[]];
    try {
      await engine.start();
      const ids = await writePeople(engine, events / (RENAMINGS + 1), RENAMINGS);
      const { position } = await engine.log.head();
      await engine.projector.positions.reached('customers', position);
      for (let round = 0; round < rounds; round++) {
        const id = ids[Math.floor((ids.length * (round + 0.5)) / rounds)] as string;
        const before = (await stat(path)).size;
        const began = performance.now();
        await engine.subjects.erase({ subject: `customer/${id}`, reason: 'Benchmark', actor: SYSTEM });
        hidden.push(performance.now() - began);
        bytes.push((await stat(path)).size - before);
        const table = sql(`read.${getTableName(customersTable)}`);
        const [row] = await sql<{ name: string }[]>`select name from ${table} where id = ${id}`;
        if (row?.name !== '[erased]') throw new Error(`An erased customer is shown as ${row?.name}.`);
        await engine.subjects.settled();
        remade.push(performance.now() - began);
      }
    } finally {
      await engine.close();
      await sql.end();
    }
    const chart = 'Erasing a person';
    measured.push(
      { chart, at, who: 'Afterwrite, until nobody can read them', unit: 'ms', rounds: hidden },
      { chart, at, who: 'Afterwrite, until the read model is made again', unit: 'ms', rounds: remade },
      { chart: 'What an erasure adds to the file of the keyring', at, who: 'Afterwrite', unit: 'bytes', rounds: bytes },
    );
  }
  return measured;
}
