import { onTestFinished } from 'vitest';
import type { TestDatabase } from './database.ts';

/** Keeps a read model's table from being written, or from being read too, until the returned function is called. */
export async function stall(
  { sql }: Pick<TestDatabase, 'sql'>,
  projection: string,
  what: 'writes' | 'writes and reads' = 'writes',
): Promise<() => Promise<void>> {
  const connection = await sql.reserve();
  await connection`begin`;
  const [model] = await connection`select tables[1] as table from read.read_models where name = ${projection}`;
  await connection`lock table ${connection(`read.${model?.table}`)} in ${what === 'writes' ? sql`share` : sql`access exclusive`} mode`;
  let released: Promise<void> | undefined;
  const release = () => {
    released ??= connection`rollback`.then(() => connection.release());
    return released;
  };
  onTestFinished(release);
  return release;
}
