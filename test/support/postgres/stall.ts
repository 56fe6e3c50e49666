import { onTestFinished } from 'vitest';
import type { TestDatabase } from './database.ts';

/** Keeps a read model's table from being written, not from being read, until the returned function is called. */
export async function stall({ sql }: Pick<TestDatabase, 'sql'>, projection: string): Promise<() => Promise<void>> {
  const connection = await sql.reserve();
  await connection`begin`;
  const [model] = await connection`select tables[1] as table from read.read_models where name = ${projection}`;
  await connection`lock table ${connection(`read.${model?.table}`)} in share mode`;
  let released: Promise<void> | undefined;
  const release = () => {
    released ??= connection`rollback`.then(() => connection.release());
    return released;
  };
  onTestFinished(release);
  return release;
}
