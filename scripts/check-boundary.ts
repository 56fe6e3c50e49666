// Fails if a file of the product names something of the application that lives beside it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import app from '../src/app.ts';
import { schemaOf } from '../src/graphql/schema.ts';
import { readOperations } from '../src/server/graphiql/operations.ts';
import { operations } from '../src/shop/operations.ts';

const APPLICATION = /^src\/((app|main)\.ts$|domains\/|shop\/)/;

/** Roles and subjects, in singular and plural. */
const subjects = [...Object.keys(app.roles), 'customers?', 'payments?'];

/** Types of the API that every application has. */
const ownTypes = schemaOf({ domains: [] }).getTypeMap();

/** Kinds of processes and effects, whatever they are called. */
const kinds = app.domains.flatMap(({ processes = [], effects = [] }) =>
  [...processes, ...effects].map(({ name }) => name),
);

/** Names that are no words of English: settings, commands, events, operations and read models. */
const names = [
  ...Object.values(app.settings).map(({ name }) => name),
  ...app.domains.flatMap(({ aggregates, commands, projections }) => [
    ...aggregates.flatMap((aggregate) => Object.keys(aggregate.events)),
    ...commands.map(({ name }) => name),
    ...projections.map(({ name }) => name),
  ]),
  ...readOperations(operations).map(({ name }) => name),
].filter((name) => /[a-z][A-Z]|_/.test(name) && !ownTypes[name]);

const subject = new RegExp(`\\b(${subjects.join('|')})\\b`, 'i');
const name = new RegExp(`\\b(${[...names, ...kinds].join('|')})\\b`);

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', 'src'], {
  encoding: 'utf8',
});
const deleted = new Set(execFileSync('git', ['ls-files', '--deleted', 'src'], { encoding: 'utf8' }).split('\n'));
const product = files.split('\n').filter((file) => file !== '' && !APPLICATION.test(file) && !deleted.has(file));
const found = product.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      const word = subject.exec(line) ?? name.exec(line);
      return word ? [`${file}:${index + 1}: ${word[0]}`] : [];
    }),
);
if (found.length > 0) {
  console.error(`The product names what is the application's:\n${found.join('\n')}`);
  process.exitCode = 1;
} else {
  console.log('No file of the product names anything of the application.');
}
