#!/usr/bin/env node
import { errorLine } from './errors.ts';
import { findApp } from './find-app.ts';
import { run } from './run.ts';

const folder = process.cwd();
const app = await findApp(folder).catch((error) => {
  console.error(errorLine(error));
  process.exit(1);
});
await run(app, process.argv.slice(2), folder);
