import { Command } from 'commander';
import { serve } from '../server/serve.ts';
import type { CommandFactory } from './cli.ts';

/** `start`: serves the application. */
export const startCommand: CommandFactory = (cli) =>
  new Command('start').description('serve the application until SIGINT, SIGTERM or SIGHUP').action(async () => {
    await serve(cli.app);
    // The server ends the process itself, in an order in which nothing that was accepted is lost.
    await new Promise<never>(() => {});
  });
