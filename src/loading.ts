import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { quickenDrizzleImports } from './database/driver/drizzle/imports.ts';

/**
 * Makes what this process imports from now on load quickly; a program calls this before it imports the rest. Node keeps
 * compiled code for the next start in NODE_COMPILE_CACHE, or else in the project's `node_modules`, if they are writable.
 * Not in the folder for temporary files, as is Node's default: there, other users of the machine could put code that runs.
 */
export function loadQuickly(): void {
  const modules = join(process.cwd(), 'node_modules');
  if (existsSync(modules)) enableCompileCache(join(modules, '.cache', 'node-compile'));
  quickenDrizzleImports();
}
