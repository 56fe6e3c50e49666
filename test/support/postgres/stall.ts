import { onTestFinished } from 'vitest';
import type { TestDatabase } from './database.ts';

/** Keeps a read model's table from being written, not from being read, until the returned function is called. */
export async function stall({ sql }: Pick<TestDatabase, 'sql'>, projection: string): Promise<() => Promise<void>> {
  const connection = await sql.reserve();
  await connection`begin`;
  await connection`lock table ${connection(`read.${projection}`)} in share mode`;
  let released: Promise<void> | undefined;
  const release = () => {
    released ??= connection`rollback`.then(() => connection.release());
    return released;
  };
  onTestFinished(release);
  return release;
}
