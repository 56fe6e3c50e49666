import type { Database } from '../../database/client.ts';
import { checkLog } from '../../kernel/audit/check-log.ts';
import { type Cli, print } from '../cli.ts';
import { startProgress } from '../output/progress.ts';
import { formatCount } from '../output/table.ts';

/** Most damages that are printed: one hole may show in many streams. */
const MAX_DAMAGES = 100;

/** Checks that the log up to `head` is complete, and prints what is not. @returns the first position at which it is damaged. */
export async function printDamages(cli: Cli, db: Database, head: number): Promise<number | undefined> {
  const progress = startProgress(cli.err, { title: 'Checking', unit: 'positions', total: head });
  let first: number | undefined;
  let count = 0;
  try {
    for await (const { position, reason } of checkLog(db, head, {
      signal: cli.signal,
      onProgress: (done) => progress.update(done),
    })) {
      if (++count <= MAX_DAMAGES) print(cli, `${position}\t${reason}`);
      first = Math.min(first ?? position, position);
    }
  } finally {
    progress.stop();
  }
  if (count > MAX_DAMAGES) print(cli, `and ${formatCount(count - MAX_DAMAGES)} more`);
  return first;
}
