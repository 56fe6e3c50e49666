import { DeadLetters } from '../../kernel/read/dead-letters/dead-letters.ts';
import type { RetryOutcome } from '../../kernel/read/dead-letters/retry/retry.ts';
import { type Cli, print } from '../cli.ts';
import { type DatabaseContext, registryOf, withDatabase } from '../context.ts';
import { formatCount } from '../output/table.ts';

/** Gives `work` the dead letters of a database that servers may be using. */
export function withDeadLetters<T>(
  cli: Cli,
  work: (deadLetters: DeadLetters, context: DatabaseContext) => Promise<T>,
): Promise<T> {
  const { projections, events } = registryOf(cli);
  return withDatabase(cli, (context) =>
    work(new DeadLetters({ db: context.db, projections: projections.values(), events }), context),
  );
}

/** Prints the outcome of a retry. @returns false if events still wait. */
export function printOutcome(cli: Cli, projection: string, key: string, outcome: RetryOutcome): boolean {
  const { applied, remaining, error } = outcome;
  const done = `${projection} ${key}: ${formatCount(applied)} applied`;
  if (remaining === 0) print(cli, `${done}, none left.`);
  else
    print(cli, `${done}, ${formatCount(remaining)} still wait, from position ${error?.position} on: ${error?.message}`);
  return remaining === 0;
}
