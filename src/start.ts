// The face of the product for the program that serves an application. It loads nothing of either before `start` is called.
import type { App } from './definition/app.ts';
import { loadQuickly } from './loading.ts';

/**
 * Loads an application and serves it in this process, as `afterwrite start` does; see `serve`.
 *
 * ```ts
 * await start(() => import('./app.ts'));
 * ```
 * @param load imports the file whose default export is the application. If it is imported before, the start takes longer.
 */
export async function start(load: () => Promise<{ readonly default: App }>): Promise<void> {
  loadQuickly();
  const [{ serve }, { default: app }] = await Promise.all([import('./server/serve.ts'), load()]);
  await serve(app);
}
