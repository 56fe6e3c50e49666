import { DefinitionError } from '../definition-error.ts';
import { personalReaches } from '../read-model/personal-reach.ts';
import { unmaskableColumns } from '../read-model/unmaskable-columns.ts';
import type { Registry } from './registry.ts';

/** What keeps the personal data of an application from being erased. It matters only with a keyring. */
export function personalMistakes(registry: Registry): DefinitionError[] {
  return [...missingSubjects(registry), ...unerasableParts(registry)];
}

/**
 * Events with personal parts of which nobody has said whom they are about: with a keyring, they would be encrypted with a key of their
 * stream, and would stay when a person is erased.
 */
function missingSubjects({ aggregates }: Registry): DefinitionError[] {
  return [...aggregates.values()].flatMap(({ name: aggregate, events, hasSubject }) =>
    Object.values(events)
      .filter((event) => !hasSubject && !event.hasSubject && event.personalParts.exist)
      .map(({ eventName: event }) => {
        const sentence =
          `${event} has personal data, and does not say about whom. Write subject: (state, id) => person(…) in the definition of ${aggregate}, or ` +
          `subject: (data) => person(…) in that of ${event}, with const person = defineSubject('person').`;
        return new DefinitionError('SUBJECT_MISSING', { event, aggregate }, sentence);
      }),
  );
}

/** Personal parts that could not be erased, because nothing is known that could stand in their place. */
function unerasableParts({ aggregates }: Registry): DefinitionError[] {
  return [...aggregates.values()].flatMap(({ events }) =>
    Object.values(events).flatMap(({ eventName: event, personalParts }) =>
      personalParts.unerasable.map((part) => {
        const sentence =
          `${event}: its schema accepts nothing that could stand for ${part} once that is erased. Say what does: ` +
          'personal(schema, { erased: … }).';
        return new DefinitionError('PART_UNERASABLE', { event, part }, sentence);
      }),
    ),
  );
}

/**
 * Columns that get personal data without being declared, keys that consist of it, handlers of which nobody can tell, and columns that
 * cannot be masked. Everything else works without this, so it is for `check` alone.
 */
export function personalColumnMistakes({ projections, events }: Registry): DefinitionError[] {
  return [...projections.values()].flatMap((projection) => {
    const { name, personal } = projection;
    const declared = new Set(personal?.columns);
    const from = new Map<string, string>();
    const mistakes: DefinitionError[] = [];
    const { byEvent, untried } = personalReaches(projection, events);
    for (const [event, failure] of untried) {
      const sentence =
        `Read model ${name}: its handler of ${event} fails on made-up data (${failure}), so that nobody can tell which columns get personal ` +
        'data. When somebody is erased, all columns of their rows are masked until the read model is made again. Let the handler take every ' +
        "value that the event's schema allows.";
      mistakes.push(new DefinitionError('PERSONAL_UNTRIED', { projection: name, event }, sentence));
    }
    for (const [event, { columns, choosesRows }] of byEvent) {
      for (const column of columns) if (!declared.has(column) && !from.has(column)) from.set(column, event);
      if (!choosesRows) continue;
      const sentence =
        `Read model ${name} finds rows by personal data of ${event}. Once that is erased, rows of different people become one row, and they ` +
        'show it until the read model is made again. Use an id that is not personal as the key of the rows.';
      mistakes.push(new DefinitionError('PERSONAL_KEY', { projection: name, event }, sentence));
    }
    for (const [column, event] of from) {
      const sentence =
        `Read model ${name}: its column ${column} gets personal data of ${event}, and is not declared. Write personal: { of: (row) => person(…), ` +
        `columns: [${[...declared, ...from.keys()].map((each) => `'${each}'`).join(', ')}] }.`;
      mistakes.push(new DefinitionError('PERSONAL_COLUMN_UNDECLARED', { projection: name, column, event }, sentence));
    }
    for (const { column, why } of unmaskableColumns(projection, new Set([...declared, ...from.keys()]))) {
      const sentence =
        `Read model ${name}: its column ${column} has personal data, and ${why}. The value that stands for what was erased may be refused, so ` +
        'that the column shows it until the read model is made again, or stops being filled. Leave personal data to a column without this.';
      mistakes.push(new DefinitionError('PERSONAL_COLUMN_UNMASKABLE', { projection: name, column }, sentence));
    }
    return mistakes;
  });
}
