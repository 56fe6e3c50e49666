// Runs a script of this project on a fresh clone: `node scripts/run.mjs src/main.ts …`. Needs Node 20 and nothing
// installed. Installs the packages if they are missing, finds a Node that runs TypeScript, and forwards signals between
// its caller and the script. A relative path of the script starts at the project's folder.
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChild } from './launcher/child.mjs';
import { ensureInstalled, InstallError } from './launcher/install.mjs';
import { nodeToUse } from './launcher/node.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [script, ...words] = process.argv.slice(2);

if (script === undefined) {
  process.stderr.write('Say which script to run: node scripts/run.mjs <script> [its arguments]\n');
  process.exit(2);
}
const target = isAbsolute(script) ? script : join(root, script);
try {
  await ensureInstalled(root, target, (line) => process.stderr.write(`${line}\n`));
} catch (error) {
  if (!(error instanceof InstallError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(error.exitCode);
}
// Node strips types and compiles once, not at each start: a third of what a command of the CLI takes.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'node-compile');
runChild(nodeToUse(root), [target, ...words]);
