import type { Command } from 'commander';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { Cli } from '../cli.ts';
import { registryOf } from '../context.ts';
import { CliError } from '../errors.ts';

/** All read models of the application, those of the engine included. */
export function projectionsOf(cli: Cli): Projection[] {
  return [...registryOf(cli).projections.values()];
}

/**
 * The named read models, or all of them.
 * @throws {CliError} NO_SUCH_READ_MODEL
 */
export function chosenProjections(
  cli: Cli,
  command: Command,
  name: string | undefined,
  all: boolean | undefined,
): Projection[] {
  const projections = projectionsOf(cli);
  if ((name === undefined) === !all) command.error('error: name a read model, or all of them with --all');
  if (name === undefined) return projections;
  const projection = projections.find((each) => each.name === name);
  if (projection) return [projection];
  const names = projections.map((each) => each.name).join(', ');
  throw new CliError('NO_SUCH_READ_MODEL', `There is no read model ${JSON.stringify(name)}; there are ${names}.`);
}
