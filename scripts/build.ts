// Compiles the product into dist/: ESM with declarations and source maps. Nothing of the application is in it.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
// In threads it checks much more than once, and needs no less time on two cores.
const words = ['-p', 'tsconfig.build.json', '--singleThreaded'];
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...words], {
  cwd: root,
  stdio: 'inherit',
});
// Files that are read and not imported.
for (const file of ['page.js', 'placeholders.js']) {
  cpSync(join(root, 'src/server/graphiql', file), join(dist, 'server/graphiql', file));
}
cpSync(join(root, 'src/cli/generate/template'), join(dist, 'cli/generate/template'), { recursive: true });
chmodSync(join(dist, 'cli/main.js'), 0o755);
for (const folder of ['domains', 'shop']) {
  if (existsSync(join(dist, folder))) throw new Error(`The product imports something of src/${folder}.`);
}
