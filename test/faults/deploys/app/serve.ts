// Serves build A or build B of the application: node test/faults/deploys/app/serve.ts A
import { start } from '../../../../src/start.ts';

await start(() => (process.argv[2] === 'A' ? import('./build-a.ts') : import('./build-b.ts')));
