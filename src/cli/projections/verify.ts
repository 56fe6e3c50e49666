import { Command } from 'commander';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import { noteFold } from '../../kernel/read/fold-source/fold-check.ts';
import type { Comparison, DifferenceKind } from '../../kernel/read/verify/compare-tables.ts';
import type { Verification } from '../../kernel/read/verify/verify.ts';
import { type Cli, type CommandFactory, print } from '../cli.ts';
import { type EngineContext, withEngine } from '../context.ts';
import { CliError } from '../errors.ts';
import { type Progress, startProgress } from '../output/progress.ts';
import { formatCount } from '../output/table.ts';
import { chosenProjections } from './chosen.ts';

/** `projections verify`: compares read models with what the log makes of them. */
export const projectionsVerifyCommand: CommandFactory = (cli) =>
  new Command('verify')
    .description('fill a read model again from the log, beside the live one, and compare the two row by row')
    .argument('[name]', 'the read model')
    .option('--all', 'all of them')
    .addHelpText(
      'after',
      `
Changes nothing; reads and commands continue. Differences are counted, and the first 20 of each read model are shown, one line
each: kind, key and the columns that differ, separated by tabs.

missing    the row should exist and does not
extra      the row exists and should not
different  the row has wrong values
stale      one of the two rows lacks events that are parked in dead letters: not counted as wrong

If a read model keeps its history, the former versions are compared too, on lines of their own; the key of a version ends with
the position of the event that created it.`,
    )
    .action((name: string | undefined, { all }: { all?: boolean }, command: Command) => {
      const projections = chosenProjections(cli, command, name, all);
      return withEngine(cli, (context) => verifyAll(cli, context, projections));
    });

async function verifyAll(
  cli: Cli,
  { engine, database }: EngineContext,
  projections: readonly Projection[],
): Promise<void> {
  const wrong: string[] = [];
  for (const projection of projections) {
    const verification = await verifyOne(cli, engine, projection);
    report(cli, verification);
    if (differences(verification) > 0) wrong.push(projection.name);
    else await noteFold(database.owner.db, projection);
  }
  if (wrong.length === 0) return;
  throw new CliError(
    'NOT_AS_THE_LOG_SAYS',
    `${wrong.join(', ')}: rows are not what the log makes of them. \`projections rebuild\` makes them anew.`,
  );
}

async function verifyOne(cli: Cli, engine: EngineContext['engine'], projection: Projection): Promise<Verification> {
  let progress: Progress | undefined;
  try {
    return await engine.projector.verify(projection, {
      signal: cli.signal,
      onProgress: (position, target) => {
        progress ??= startProgress(cli.err, {
          title: `Reading the log for ${projection.name}`,
          unit: 'events',
          total: target,
        });
        progress.update(position);
      },
    });
  } finally {
    progress?.stop();
  }
}

function report(cli: Cli, { projection, position, history, ...rows }: Verification): void {
  reportOn(cli, projection, 'rows', position, rows);
  if (history) reportOn(cli, projection, 'former versions', position, history);
}

function reportOn(cli: Cli, projection: string, what: string, position: number, compared: Comparison): void {
  const { rows, counts, first } = compared;
  const wrong = wrongIn(compared);
  const kinds = (Object.entries(counts) as [DifferenceKind, number][]).filter(([, count]) => count > 0);
  const found = kinds.map(([kind, count]) => `${formatCount(count)} ${kind}`).join(', ');
  const verdict = wrong === 0 ? 'as the log says' : 'not as the log says';
  print(
    cli,
    `${projection}: ${formatCount(rows)} ${what} at position ${formatCount(position)}, ${verdict}${found && `: ${found}`}.`,
  );
  for (const { kind, key, columns } of first) print(cli, [kind, key, columns.join(', ')].join('\t').trimEnd());
}

function differences({ history, ...rows }: Verification): number {
  return wrongIn(rows) + (history ? wrongIn(history) : 0);
}

function wrongIn({ counts: { missing, extra, different } }: Comparison): number {
  return missing + extra + different;
}
