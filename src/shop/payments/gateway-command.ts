import { once } from 'node:events';
import { Command, InvalidArgumentError } from 'commander';
import { type Cli, CliError, type CommandFactory, InterruptedError, print, withPostgres } from '../../cli/index.ts';
import { CARDS } from './local-gateway/cards.ts';
import { startLocalGateway } from './local-gateway/server.ts';

/** `gateway`: runs the local payment gateway alone, for servers that name it in PAYMENT_GATEWAY_URL. */
export const gatewayCommand: CommandFactory = (cli) =>
  new Command('gateway')
    .description('run the local payment gateway alone: it behaves like a real one and takes no money')
    .option('--port <port>', 'port to listen on, on 127.0.0.1', portOf, 4010)
    .addHelpText(
      'after',
      `
A server without PAYMENT_GATEWAY_URL starts one of its own. All of them keep what they have done in the schema local_gateway of
the same Postgres, so that it does not matter which of them is asked. Ends on SIGTERM, SIGINT or SIGHUP, with 0.

Payment methods:
${[...CARDS].map(([token, { description }]) => `  ${token.padEnd(24)}${description}`).join('\n')}`,
    )
    .action(({ port }: { port: number }) => serve(cli, port));

async function serve(cli: Cli, port: number): Promise<void> {
  try {
    await withPostgres(cli, async ({ url: databaseUrl }) => {
      const gateway = await startLocalGateway({ databaseUrl, port }).catch((cause) => {
        const { code } = cause as { readonly code?: string };
        if (code !== 'EADDRINUSE' && code !== 'EACCES') throw cause;
        throw new CliError('PORT_NOT_FREE', `Port ${port} cannot be listened on (${code}).`, { cause });
      });
      try {
        print(cli, `Payment gateway: ${gateway.url}`);
        if (!cli.signal.aborted) await once(cli.signal, 'abort');
      } finally {
        await gateway.close();
      }
    });
  } catch (error) {
    // The gateway is interrupted sooner or later: this is not a failure.
    if (!(error instanceof InterruptedError)) throw error;
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('It must be a number from 0 to 65535.');
  return port;
}
