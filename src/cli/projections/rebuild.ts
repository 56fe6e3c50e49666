import { Command } from 'commander';
import type { Database } from '../../database/client.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import { beginRebuild, cancelRebuild, rebuildProgress } from '../../kernel/read/rebuild/begin-rebuild.ts';
import { shadowOf } from '../../kernel/read/rebuild/shadow.ts';
import { type ShadowRow, shadowRows } from '../../kernel/read/rebuild/shadow-checkpoint.ts';
import { pause } from '../../scheduling/sleeper.ts';
import { type Cli, type CommandFactory, print, say } from '../cli.ts';
import { type EngineContext, withDatabase, withEngine } from '../context.ts';
import { CliError } from '../errors.ts';
import { startProgress } from '../output/progress.ts';
import { formatCount } from '../output/table.ts';
import { chosenProjections } from './chosen.ts';

/** Time between two updates of the progress, in ms. */
const POLL_MS = 200;

interface RebuildOptions {
  readonly all?: boolean;
  readonly cancel?: boolean;
  readonly detach?: boolean;
}

/** `projections rebuild`: fills read models again from the log, beside the live ones. */
export const projectionsRebuildCommand: CommandFactory = (cli) =>
  new Command('rebuild')
    .description('fill a read model again from the log, beside the live one, and replace it')
    .argument('[name]', 'the read model')
    .option('--all', 'all of them')
    .option('--detach', 'begin it and leave the work to the servers')
    .option('--cancel', 'end a running one, without effect')
    .addHelpText(
      'after',
      `
Reads, tokens and subscriptions work throughout. Ctrl-C keeps the progress: a running server continues, or this command when it
is run again.`,
    )
    .action(async (name: string | undefined, { all, cancel, detach }: RebuildOptions, command: Command) => {
      const projections = chosenProjections(cli, command, name, all);
      if (cancel) await withDatabase(cli, ({ db }) => cancelAll(cli, db, projections));
      else if (detach) await withDatabase(cli, ({ db }) => beginAll(cli, db, projections));
      else await withEngine(cli, (context) => rebuildAll(cli, context, projections));
    });

async function cancelAll(cli: Cli, db: Database, projections: readonly Projection[]): Promise<void> {
  for (const projection of projections) {
    const cancelled = await cancelRebuild(db, projection);
    print(cli, `${projection.name}: ${cancelled ? 'cancelled; it is as it was' : 'no rebuild is under way'}.`);
  }
}

async function beginAll(cli: Cli, db: Database, projections: readonly Projection[]): Promise<void> {
  for (const projection of projections) {
    const outcome = await beginRebuild(db, projection);
    print(cli, `${projection.name}: ${outcome === 'begun' ? 'begun' : 'under way already'}; a running server does it.`);
  }
}

async function rebuildAll(cli: Cli, { engine, database }: EngineContext, projections: readonly Projection[]) {
  const { db } = database.projector;
  const left = new Map<Projection, ShadowRow>();
  for (const projection of projections) {
    await engine.projector.rebuilds.begin(projection);
    const { key } = shadowOf(projection, 'rebuild').checkpoint;
    const row = (await shadowRows(db)).find((candidate) => candidate.key === key);
    // Small ones are done already.
    if (row) left.set(projection, row);
    else print(cli, `${projection.name}: rebuilt.`);
  }
  const { position: target } = await engine.log.head();
  const start = [...left.values()].map(({ position }) => Math.min(target, position));
  const total = start.reduce((sum, position) => sum + target - position, 0);
  const progress = startProgress(cli.err, { title: 'Rebuilding', unit: 'events', total });
  const finished: string[] = [];
  try {
    while (left.size > 0) {
      for (const [projection, { startedAt }] of left) {
        const { name } = projection;
        const now = await rebuildProgress(db, projection, startedAt);
        if (now.kind === 'cancelled') throw new CliError('REBUILD_CANCELLED', `${name}: somebody has cancelled it.`);
        if (now.kind === 'done') {
          left.delete(projection);
          finished.push(name);
        } else if (now.row.failure !== null) {
          throw new CliError('REBUILD_STALLED', `${now.row.failure} The rebuild is kept: it goes on by itself then.`);
        } else left.set(projection, now.row);
      }
      const missing = [...left.values()].reduce((sum, { position }) => sum + Math.max(0, target - position), 0);
      progress.update(Math.max(0, total - missing));
      await pause(POLL_MS, cli.signal);
      cli.signal.throwIfAborted();
    }
  } catch (error) {
    progress.stop();
    if (cli.signal.aborted) await sayKept(cli, db, [...left.values()]);
    throw error;
  } finally {
    progress.stop();
    for (const name of finished) print(cli, `${name}: rebuilt.`);
  }
}

async function sayKept(cli: Cli, db: Database, left: readonly ShadowRow[]): Promise<void> {
  const rows = (await shadowRows(db)).filter(({ key }) => left.some((row) => row.key === key));
  for (const { projection: name, position } of rows) {
    say(
      cli,
      `The rebuild of ${name} is kept at position ${formatCount(position)}: a running server goes on with it, or ` +
        `\`projections rebuild ${name}\`; \`projections rebuild ${name} --cancel\` drops it.`,
    );
  }
}
