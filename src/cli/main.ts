#!/usr/bin/env node
import { loadQuickly } from '../loading.ts';

loadQuickly();
const { errorLine } = await import('./errors.ts');
const { isOffline, runOffline } = await import('./offline.ts');

const args = process.argv.slice(2);
const folder = process.cwd();
if (isOffline(args)) {
  await runOffline(args, folder);
} else {
  const { findApp } = await import('./find-app.ts');
  const { run } = await import('./run.ts');
  const app = await findApp(folder).catch((error) => {
    console.error(errorLine(error));
    process.exit(1);
  });
  await run(app, args, folder);
}
