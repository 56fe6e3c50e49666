import { Command } from 'commander';
import { CliError, type CommandFactory } from '../../cli/index.ts';
import { DemoClient } from './client.ts';
import { Screen } from './screen.ts';
import { withDemoServer } from './server.ts';
import { playSession } from './session.ts';

/** `demo`: plays a whole session of a shop, as a frontend would. */
export const demoCommand: CommandFactory = (cli) =>
  new Command('demo')
    .description('play a whole session through the GraphQL API, on a server of its own that ends with it')
    .option('--url <url>', "play it against this running server instead; the demo's order stays there")
    .option('--token <token>', 'access token of a member of staff, if the server requires one')
    .addHelpText(
      'after',
      `
It sends the documents of schema/operations, those that GraphiQL opens with, over HTTP and WebSocket.`,
    )
    .action(async ({ url, token }: { url?: string; token?: string }) => {
      const screen = new Screen(cli.out);
      screen.title('One order, from registering the customer to its delivery, through the GraphQL API.');
      const play = async (endpoint: URL, signal: AbortSignal) => {
        const client = new DemoClient(endpoint, { signal, ...(token === undefined ? {} : { token }) });
        try {
          await playSession(client, screen);
        } finally {
          await client.close();
        }
      };
      if (url === undefined) {
        await withDemoServer(cli, screen, play);
        screen.closing('To play it yourself: npm start, then open http://127.0.0.1:4000/graphql in a browser.');
      } else {
        const endpoint = endpointOf(url);
        await play(endpoint, cli.signal);
        screen.closing(`To play it yourself, open ${endpoint} in a browser.`);
      }
    });

/** The address of the API on a server; the address of the server itself is enough. */
function endpointOf(url: string): URL {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CliError('BAD_URL', `${url} is not the URL of a server, such as http://127.0.0.1:4000.`);
  }
  const endpoint = new URL(url);
  if (endpoint.pathname === '/') endpoint.pathname = '/graphql';
  return endpoint;
}
