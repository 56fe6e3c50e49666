// Fails if the tables in the code differ from what the migrations create: somebody has changed one and not the other.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The output of drizzle-kit for a folder of migrations; empty if the tables match the code. */
function findDrift(folder: string, config: string, command: string): string | undefined {
  const copy = mkdtempSync(join(root, 'node_modules', '.migrations-'));
  try {
    cpSync(join(root, folder), copy, { recursive: true });
    const before = readdirSync(copy).length;
    const kit = join(root, 'node_modules/drizzle-kit/bin.cjs');
    const said = execFileSync(process.execPath, [kit, 'generate', '--config', config, '--name', 'drift'], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, DRIZZLE_OUT: `./${relative(root, copy)}` },
    });
    if (readdirSync(copy).length > before) {
      return `The tables in the code differ from the migrations in ${folder}. Run: ${command} -- --name what_changed`;
    }
    if (!said.includes('No schema changes')) throw new Error(`drizzle-kit did not say what it found:\n${said}`);
    return undefined;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

const drifts = [findDrift('drizzle', 'drizzle.config.ts', 'npm run migration')].filter((drift) => drift !== undefined);
for (const drift of drifts) console.error(drift);
if (drifts.length > 0) process.exitCode = 1;
else console.log('The migrations make exactly the tables of the code.');
