// Fails where the tables in the code are not what the migrations make: somebody has changed one and not the other.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const copy = mkdtempSync(join(root, 'node_modules', '.migrations-'));
try {
  cpSync(join(root, 'drizzle'), copy, { recursive: true });
  const before = readdirSync(copy).length;
  const kit = join(root, 'node_modules/drizzle-kit/bin.cjs');
  const said = execFileSync(process.execPath, [kit, 'generate', '--name', 'drift'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, DRIZZLE_OUT: `./${relative(root, copy)}` },
  });
  const drifted = readdirSync(copy).length > before;
  if (!drifted && !said.includes('No schema changes'))
    throw new Error(`drizzle-kit did not say what it found:\n${said}`);
  if (drifted) {
    console.error('The tables in the code differ from the migrations. Run: npm run migration -- --name what_changed');
    process.exitCode = 1;
  } else {
    console.log('The migrations make exactly the tables of the code.');
  }
} finally {
  rmSync(copy, { recursive: true });
}
