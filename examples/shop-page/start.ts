// `npm run example` in the folder of the repository: installs what the page needs, starts a server of the shop, fills
// the shop, and serves the page. Ctrl-C ends all of it. PORT is the server's, PAGE_PORT the page's.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ensureInstalled, InstallError } from '../../scripts/launcher/install.mjs';

const { PORT = '4100', PAGE_PORT = '5173' } = process.env;
const say = (line: string) => process.stdout.write(`${line}\n`);

const stopped = new AbortController();
const stop = () => stopped.abort();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
// The launcher was killed.
process.on('disconnect', stop);

try {
  // Without what only makes the types of documents: that is hundreds of packages more.
  await ensureInstalled(import.meta.dirname, join(import.meta.dirname, 'start.ts'), say, ['--omit=dev']);
  await serve();
} catch (error) {
  if (!stopped.signal.aborted) {
    process.stderr.write(`${sentences(error).join('\n')}\n`);
    process.exit(error instanceof InstallError ? error.exitCode : 1);
  }
}
process.exit();

/** What went wrong, and why. */
function sentences(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...(error.cause ? sentences(error.cause) : [])] : [String(error)];
}

/** Serves until it is stopped. @throws {Error} if the server or the page does not start, or the server ends. */
async function serve(): Promise<void> {
  // Only now there are packages to import.
  const { ShopServer } = await import('./dev/shop-server.ts');
  const { seed } = await import('./dev/seed.ts');
  const { createServer } = await import('vite');

  const page = `http://127.0.0.1:${PAGE_PORT}`;
  const secret = randomBytes(32).toString('hex');
  const server = new ShopServer({ PORT, CORS_ORIGINS: page, AUTH_JWT_SECRET: secret });
  const over = Promise.race([
    server.ended,
    new Promise((resolve) => stopped.signal.addEventListener('abort', resolve)),
  ]);
  try {
    const url = await Promise.race([server.started, over.then(() => undefined)]);
    if (url === undefined) return;
    await seed(url, secret);
    Object.assign(process.env, { VITE_API_URL: url, AUTH_JWT_SECRET: secret });
    const vite = await createServer({
      root: import.meta.dirname,
      logLevel: 'warn',
      server: { host: '127.0.0.1', port: Number(PAGE_PORT), strictPort: true },
    });
    // Vite would end this process at once, although the server has not stopped.
    process.removeAllListeners('SIGTERM').on('SIGTERM', stop);
    await vite.listen();
    say(`The shop:    ${page} (open it in two windows: one as a customer, one as the staff)`);
    say(`GraphQL API: ${url}`);
    say('Ctrl-C ends both.');
    await over;
    await vite.close();
  } finally {
    await server.stop();
  }
}
