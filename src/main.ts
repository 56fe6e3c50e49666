import { start } from './start.ts';

await start(() => import('./app.ts'));
