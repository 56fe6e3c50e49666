import type { Command } from 'commander';
import { domains } from '../../domains/index.ts';
import { registerDomains } from '../../kernel/define/domain.ts';
import type { Projection } from '../../kernel/define/projection.ts';
import { CliError } from '../errors.ts';

/**
 * The named read models, or all of them.
 * @throws {CliError} NO_SUCH_READ_MODEL
 */
export function chosenProjections(command: Command, name: string | undefined, all: boolean | undefined): Projection[] {
  const { projections } = registerDomains(domains);
  if ((name === undefined) === !all) command.error('error: name a read model, or all of them with --all');
  if (name === undefined) return [...projections.values()];
  const projection = projections.get(name);
  if (projection) return [projection];
  const names = [...projections.keys()].join(', ');
  throw new CliError('NO_SUCH_READ_MODEL', `There is no read model ${JSON.stringify(name)}; there are ${names}.`);
}
