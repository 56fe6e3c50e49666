#!/usr/bin/env node
import { loadQuickly } from '../loading.ts';

loadQuickly();
const { errorLine } = await import('./errors.ts');
const { findApp } = await import('./find-app.ts');
const { run } = await import('./run.ts');

const folder = process.cwd();
const app = await findApp(folder).catch((error) => {
  console.error(errorLine(error));
  process.exit(1);
});
await run(app, process.argv.slice(2), folder);
