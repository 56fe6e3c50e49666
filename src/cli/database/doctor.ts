import { Command } from 'commander';
import { examine } from '../../doctor/examine.ts';
import type { Finding } from '../../doctor/finding.ts';
import { registerDomains } from '../../kernel/define/domain.ts';
import { databaseOptions } from '../../settings/database-options.ts';
import { type CommandFactory, print } from '../cli.ts';
import { sharesDatabase, withPostgres } from '../context.ts';
import { CliError } from '../errors.ts';

/** `doctor`: looks at the database and its surroundings before the first start, or when something is wrong. */
export const doctorCommand: CommandFactory = (cli) =>
  new Command('doctor')
    .description('check the database and its surroundings: settings, rights, connections, clocks, the log')
    .option('--json', 'print each finding as a line of JSON')
    .addHelpText(
      'after',
      `
It changes nothing and needs no server. Each line is ok, warning or problem, with what was found and what to do. The exit
code is 1 if there is a problem.`,
    )
    .action(({ json = false }: { json?: boolean }) =>
      withPostgres(cli, async ({ url, config, tenant }) => {
        const { connections, roles } = databaseOptions(config);
        const findings: Finding[] = [];
        const hasOwnUrls = Object.values(roles.urls).every((own) => own !== undefined);
        const types = registerDomains(cli.app.domains).events;
        const { readDatabaseUrl: readUrl, clockSkewLimitMs } = config;
        const about = {
          url,
          tenant: sharesDatabase(cli) ? tenant : undefined,
          readUrl,
          clockSkewLimitMs,
          connections,
          hasOwnUrls,
          types,
        };
        for await (const finding of examine({ ...about, signal: cli.signal })) {
          findings.push(finding);
          for (const line of json ? [JSON.stringify(finding)] : linesOf(finding)) print(cli, line);
        }
        const problems = findings.filter(({ level }) => level === 'problem').length;
        if (problems > 0) {
          throw new CliError(
            'PROBLEMS_FOUND',
            `${problems} ${problems === 1 ? 'problem was' : 'problems were'} found.`,
          );
        }
      }),
    );

function linesOf({ level, check, fact, advice }: Finding): string[] {
  const line = `${level.padEnd(8)} ${check}: ${fact}`;
  return advice === undefined ? [line] : [line, `${' '.repeat(9)}${advice}`];
}
