import { DefinitionError } from '../definition-error.ts';
import { indexNames } from '../read-model/part-names.ts';
import type { Projection } from '../read-model/projection.ts';
import { declaredName } from '../read-model/versioned-table.ts';
import type { Registry } from './registry.ts';

/** A thing that has a name in Postgres. */
interface Named {
  readonly kind: 'table' | 'index';
  readonly name: string;
  readonly projection: string;
}

/**
 * Read models with one name for two things in Postgres: they could not both be stored. Compared by declared names,
 * which are the same for all versions: names of versions would meet only when the versions do.
 */
export function namesTakenTwice({ projections }: Registry): DefinitionError[] {
  const taken = new Map<string, Named>();
  return [...projections.values()].flatMap(namedBy).flatMap((named) => {
    const owner = taken.get(named.name);
    if (owner) return [takenTwice(owner, named)];
    taken.set(named.name, named);
    return [];
  });
}

function namedBy({ name: projection, table, history }: Projection): Named[] {
  return [table, ...(history ? [history] : [])].flatMap((each) => [
    { kind: 'table' as const, name: declaredName(each), projection },
    ...indexNames(each).map(({ declared }) => ({ kind: 'index' as const, name: declared, projection })),
  ]);
}

function takenTwice(owner: Named, { kind, name, projection }: Named): DefinitionError {
  if (owner.kind === 'table' && kind === 'table') {
    return new DefinitionError(
      'TABLE_TAKEN',
      { table: name, projections: [owner.projection, projection] },
      `Projections ${owner.projection} and ${projection} both have the table ${name}, and would overwrite each other's rows. ` +
        `Give the table of ${projection} another name: readTable('${projection}', …).`,
    );
  }
  return new DefinitionError(
    'NAME_TAKEN',
    { kind, name, projections: [owner.projection, projection] },
    `Projection ${projection}: the name ${name} of its ${kind} is that of ${article(owner.kind)} of projection ${owner.projection}. ` +
      'In Postgres, the tables, indexes and unique constraints of all read models share one namespace. ' +
      (kind === 'index'
        ? `Give the index another name: index('${suggested(name, projection)}').`
        : 'Rename one of them.'),
  );
}

function article(kind: Named['kind']): string {
  return kind === 'index' ? 'an index' : 'a table';
}

function suggested(name: string, projection: string): string {
  const prefix = projection.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return name.startsWith(`${prefix}_`) ? `${name}_2` : `${prefix}_${name}`;
}
