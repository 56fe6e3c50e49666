import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AppWithCommands } from '../definition/define-app.ts';
import { CliError } from './errors.ts';

const NAMES = ['ts', 'mts', 'js', 'mjs'].map((extension) => `afterwrite.config.${extension}`);

/**
 * The application of a project: the default export of `afterwrite.config.ts`.
 * @throws {CliError} NO_APP if there is no such file, or it exports something else; NODE_TOO_OLD; what the file itself throws.
 */
export async function findApp(folder: string): Promise<AppWithCommands> {
  const path = NAMES.map((name) => join(resolve(folder), name)).find(existsSync);
  if (path === undefined) {
    throw new CliError(
      'NO_APP',
      `There is no afterwrite.config.ts in ${folder}. Go to the folder of your application, or write one: export default defineApp({ … }).`,
    );
  }
  if (/\.m?ts$/.test(path) && !process.features.typescript) {
    throw new CliError(
      'NODE_TOO_OLD',
      `Node ${process.versions.node} cannot run the TypeScript of ${path}. Use Node 24 or newer (npm install --save-dev node brings one).`,
    );
  }
  const { default: app } = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
  if (!isApp(app)) {
    throw new CliError('NO_APP', `${path} does not export an application: write export default defineApp({ … }).`);
  }
  return app;
}

function isApp(value: unknown): value is AppWithCommands {
  return typeof value === 'object' && value !== null && 'domains' in value && 'roles' in value && 'commands' in value;
}
