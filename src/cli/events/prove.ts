import { Command } from 'commander';
import { readEnd } from '../../kernel/audit/chain-origin.ts';
import { proveEvent } from '../../kernel/audit/prove-event.ts';
import { proofLine } from '../../kernel/proof/inclusion-proof.ts';
import type { CommandFactory } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { CliError } from '../errors.ts';
import { positionArgument } from './position-argument.ts';

/** `events prove`: writes the proof of one event. */
export const eventsProveCommand: CommandFactory = (cli) =>
  new Command('prove')
    .description('write one event with the proof that the signed log has it, without any other event')
    .argument('<position>', 'of the event', positionArgument)
    .addHelpText('after', '\nIt is one line of JSON. `events verify-proof` verifies it, without the database.')
    .action((position: number) =>
      withDatabase(cli, async ({ db }) => {
        const proof = await proveEvent(db, position, cli.signal);
        if (!proof) {
          const end = await readEnd(db);
          if (position > end) {
            throw new CliError('NO_SUCH_POSITION', `The log has no event ${position}: it ends at position ${end}.`);
          }
          throw new CliError(
            'NOT_SIGNED_YET',
            `No head signs event ${position} yet, or the event that certifies its encryption. Servers with AUDIT_KEY sign what is new every AUDIT_INTERVAL_MS.`,
          );
        }
        // As it is: escaping control characters would change what was hashed. JSON has none.
        cli.out.write(`${proofLine(proof)}\n`);
      }),
    );
