import app from './app.ts';
import { serve } from './server/index.ts';

await serve(app);
