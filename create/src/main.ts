#!/usr/bin/env node
import { execFileSync } from 'node:child_process';
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CreateError, createProject } from './project.ts';

const canRunTypeScript = Number.parseInt(process.versions.node, 10) >= 24;
const USAGE = 'npm create afterwrite my-app [-- --no-install] [-- --afterwrite <spec>]';

try {
  const { folder, afterwrite, install } = wordsOf(process.argv.slice(2));
  const files = await createProject({ folder, afterwrite, bringsNode: !canRunTypeScript });
  const shown = relative(process.cwd(), folder) || '.';
  console.log(`Created ${files} files in ${shown}.`);
  if (install) {
    console.log('Installing the packages …');
    execFileSync('npm', ['install', '--no-fund', '--no-audit'], { cwd: folder, stdio: 'inherit', shell: isWindows() });
    // The schema and the shapes of events that `npm run check` compares with.
    execFileSync('npm', ['run', '--silent', 'schema'], { cwd: folder, stdio: 'inherit', shell: isWindows() });
  }
  console.log('\nNext:');
  if (shown !== '.') console.log(`  cd ${shown}`);
  if (!install) console.log('  npm install');
  console.log('  npm start       # GraphiQL on http://127.0.0.1:4000/graphql');
  console.log('  npm test');
} catch (error) {
  console.error(error instanceof CreateError ? error.message : error);
  process.exitCode = error instanceof CreateError && error.code === 'USAGE' ? 2 : 1;
}

function wordsOf(words: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { 'no-install': { type: 'boolean' }, afterwrite: { type: 'string' } },
    });
    const [folder = 'my-app', ...more] = positionals;
    if (more.length > 0) throw new Error(`One folder is expected, not also ${more.join(', ')}.`);
    return { folder: resolve(folder), afterwrite: values.afterwrite, install: values['no-install'] !== true };
  } catch (error) {
    throw new CreateError('USAGE', `${(error as Error).message}\nUsage: ${USAGE}`);
  }
}

/** There npm is a script, which only a shell runs. */
function isWindows(): boolean {
  return process.platform === 'win32';
}
