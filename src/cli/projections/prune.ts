import { Command } from 'commander';
import { pruneVersions } from '../../kernel/read/tables/prune.ts';
import { type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { projectionsOf } from './chosen.ts';

/**
 * How long a version stays after it was last used, in ms: a process that was paused, or without its database for a while, has time to
 * say again that it uses it.
 */
const KEPT_MS = 120_000;

/** `projections prune`: drops versions that nobody uses. */
export const projectionsPruneCommand: CommandFactory = (cli) =>
  new Command('prune')
    .description('drop the tables of versions of read models that no running server uses')
    .addHelpText(
      'after',
      `
The versions of the code that runs this command stay, and so do versions that were in use in the last two minutes: for each of these, it
says when to run it again. Servers do the same by themselves after KEEP_READ_MODELS_FOR hours. Code of a dropped version can be started again: it fills its tables anew.`,
    )
    .action(() =>
      withDatabase(cli, async ({ db }) => {
        const own = new Set(projectionsOf(cli).map(({ checkpoint }) => checkpoint.key));
        const pruned = await pruneVersions({ db, own, keepMs: KEPT_MS });
        for (const { version, kept, staysMs } of pruned) {
          const again = staysMs > 0 ? `; run it again in ${Math.ceil(staysMs / 1000)} s` : '';
          print(cli, `${version.key}: ${kept === null ? 'dropped.' : `kept, since ${kept}${again}.`}`);
        }
        if (pruned.length === 0) print(cli, 'There is no version that no running server uses.');
      }),
    );
