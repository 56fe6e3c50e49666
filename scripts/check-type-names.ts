// Fails if two files of src declare a type of the same name: a reader must know a type by its name.
import { globSync, readFileSync } from 'node:fs';
import { repeatedTypes } from './repeated-types.ts';

const sources = new Map(globSync('src/**/*.ts').map((file) => [file, readFileSync(file, 'utf8')]));
const repeated = repeatedTypes(sources);
if (repeated.size > 0) {
  const lines = [...repeated].map(([name, files]) => `${name}: ${files.join(', ')}`);
  console.error(
    `Several files declare types of the same name. Name each by what it is, or share one:\n${lines.join('\n')}`,
  );
  process.exitCode = 1;
} else {
  console.log('Every type of src has a name of its own.');
}
