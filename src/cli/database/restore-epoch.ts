import { Command } from 'commander';
import { sql } from 'drizzle-orm';
import { type Database, openPool } from '../../database/client.ts';
import { store } from '../../database/schema/log.ts';
import { settingsFor } from '../../database/tenancy/ensure-tenancy.ts';
import { registerDomains } from '../../kernel/define/domain.ts';
import { dropVersion, storedVersions } from '../../kernel/read/tables/catalogue.ts';
import { type Cli, type CommandFactory, print, say } from '../cli.ts';
import { sharesDatabase, withWholeDatabase } from '../context.ts';
import { CliError } from '../errors.ts';

const WHAT_IT_MEANS = `
Run it once after the database was restored from a backup, or a standby was promoted that lacked the last events, before
the servers start again.

A consistency token is a place in the log. Events that were written after the backup are gone, and their places will be
taken by others, so a token from before the restore could mean another history. With a new epoch the server knows them:
it answers FOREIGN_TOKEN, and the client reads without the token, that is what is there now. Snapshots of aggregates are dropped,
and made anew from the events. Processes that have seen later events than there are go back to the end of the log. Versions
of read models that have, and that this version of the application does not use, are dropped. Nothing else changes: events, read models and command ids stay as they were restored.`;

/** `restore-epoch`: after a restore from a backup, makes the tokens of the lost history invalid. */
export const restoreEpochCommand: CommandFactory = (cli) =>
  new Command('restore-epoch')
    .description('after a restore from a backup: invalidate the consistency tokens of clients')
    .option('--yes', 'confirm; without it nothing is changed')
    .addHelpText('after', WHAT_IT_MEANS)
    .action(({ yes }: { yes?: boolean }) =>
      withWholeDatabase(cli, async ({ db, url }) => {
        if (!yes) {
          throw new CliError(
            'NOT_CONFIRMED',
            'This makes every consistency token that clients hold invalid; nothing was changed. Add --yes to do it.',
          );
        }
        const [before] = await db.select({ epoch: store.epoch }).from(store);
        const [now] = await db.update(store).set({ epoch: sql`gen_random_uuid()` }).returning({ epoch: store.epoch });
        if (!now) throw new CliError('STORE_MISSING', 'The database has no row in es.store; restore it.');
        print(cli, `The epoch is now ${now.epoch}; it was ${before?.epoch}.`);
        print(cli, 'Tokens from before are answered with FOREIGN_TOKEN; clients read without them and continue.');
        let isServed = false;
        await forEachLog(cli, db, url, async (log) => {
          isServed ||= await hasServer(log);
          await dropSnapshots(log);
          await comeBackToTheEnd(cli, log);
        });
        if (isServed) {
          say(
            cli,
            'warning: a server is running on this database; restart it, it gives out tokens of the former epoch.',
          );
        }
      }),
    );

/** Does work on the log of the database, or on that of each tenant who shares it: they were restored together. */
async function forEachLog(cli: Cli, db: Database, url: string, work: (db: Database) => Promise<void>): Promise<void> {
  if (!sharesDatabase(cli)) return work(db);
  const tenants = await db.execute<{ name: string }>(sql`select name from es.tenants order by name`);
  for (const { name } of tenants) {
    const settings = await settingsFor(name, db);
    const pool = openPool({ url, connections: 1, applicationName: 'afterwrite cli', settings });
    await work(pool.db).finally(() => pool.close(1000));
  }
}

/** Snapshots may be of events that the log no longer has. Nothing depends on them: they are taken again. */
async function dropSnapshots(db: Database): Promise<void> {
  await db.execute(sql`delete from es.snapshots`);
}

/**
 * Positions that the log no longer has will be assigned to new events. Consumers beyond the end go back to it, so that
 * they handle those.
 */
async function comeBackToTheEnd(cli: Cli, db: Database): Promise<void> {
  const end = sql`(select coalesce(max(position), 0) from es.events)`;
  await db.execute(
    sql`update read.checkpoints set position = ${end}
        where position > ${end} and kind in ('process', 'effect')`,
  );
  await dropUnusedAhead(cli, db);
  const ahead = await db.execute<{ projection: string }>(
    sql`select distinct consumer as projection from read.checkpoints where position > ${end} order by 1`,
  );
  if (ahead.length === 0) return;
  const names = ahead.map(({ projection }) => projection).join(', ');
  print(
    cli,
    `These read models hold events that the log has lost; rebuild each with \`projections rebuild\`: ${names}.`,
  );
}

/**
 * Drops the versions of read models that hold lost events and that this code does not have. This code cannot rebuild them. If the
 * code of such a version is started again, it creates and fills the version again, and shows no lost event.
 */
async function dropUnusedAhead(cli: Cli, db: Database): Promise<void> {
  const { projections } = registerDomains(cli.app.domains);
  const own = new Set([...projections.values()].map(({ checkpoint }) => checkpoint.key));
  const ahead = await db.execute<{ projection: string }>(
    sql`select projection from read.checkpoints where position > (select coalesce(max(position), 0) from es.events)`,
  );
  const keys = new Set(ahead.map(({ projection }) => projection));
  for (const version of await storedVersions(db)) {
    if (own.has(version.key) || !keys.has(version.key)) continue;
    await db.transaction((tx) => dropVersion(tx as unknown as Database, version, version.tables));
    print(
      cli,
      `Dropped ${version.key}: it held events that the log has lost, and this code does not have this version.`,
    );
  }
}

async function hasServer(db: Database): Promise<boolean> {
  const [row] = await db.execute<{ served: boolean }>(
    sql`select exists (select from read.checkpoints where owner is not null and lease_until > now()) as served`,
  );
  return row?.served ?? false;
}
