// Fails if a file of src writes to a property that another file declares: state belongs to the class that has it.
import { foreignWrites } from './foreign-writes.ts';

const found = foreignWrites('tsconfig.json', 'src');
if (found.length > 0) {
  const lines = found.map(({ at, target, declaredIn }) => `${at}: ${target} is declared in ${declaredIn}`);
  console.error(
    `Files write to what other files declare. Give the object a method that says what happens:\n${lines.join('\n')}`,
  );
  process.exitCode = 1;
} else {
  console.log('Every property of src is written to by the file that declares it, and by no other.');
}
