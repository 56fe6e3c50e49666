import { getTableName } from 'drizzle-orm';
import { DefinitionError } from '../../kernel/define/definition-error.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';

/** The names of read models by the names of their tables. */
export type TableOwners = ReadonlyMap<string, string>;

export function tableOwners(projections: Iterable<Projection>): TableOwners {
  const owners = new Map<string, string>();
  for (const { name, table, history } of projections) {
    owners.set(getTableName(table), name);
    if (history) owners.set(getTableName(history), name);
  }
  return owners;
}

/** A resolver reads from a read model that its field does not declare. */
export function undeclaredRead(projection: string): DefinitionError {
  const sentence =
    `A resolver reads from read model ${projection}, and no field of the operation says so: a read with a token would not wait for it. ` +
    `Give the field extensions: api.readsFrom(${projection}).`;
  return new DefinitionError('READ_UNDECLARED', { projection }, sentence);
}
