// Compiles create-afterwrite into create/dist/, with the template of a domain and the versions that a new project depends on.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'create/dist');

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'create/tsconfig.json'], {
  cwd: root,
  stdio: 'inherit',
});
chmodSync(join(dist, 'create/src/main.js'), 0o755);
const template = 'src/cli/generate/template';
cpSync(join(root, template), join(dist, template), { recursive: true });
const { version, peerDependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const versions = {
  afterwrite: `^${version}`,
  ...peerDependencies,
  node: devDependencies.node,
  typescript: devDependencies.typescript,
  '@types/node': devDependencies['@types/node'],
};
writeFileSync(join(dist, 'versions.json'), `${JSON.stringify(versions, undefined, 2)}\n`);
