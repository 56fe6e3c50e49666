import { describe, expect, it } from 'vitest';
import app from '../../../../src/app.ts';
import { createLogger } from '../../../../src/server/operations/logger.ts';
import { startServer } from '../../../../src/server/server.ts';
import { readConfig } from '../../../../src/settings/config.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });

async function start(env: NodeJS.ProcessEnv) {
  const settings = { HOST: '127.0.0.1', PORT: '0', DATABASE_URL: database.url, LOG_LEVEL: 'silent' };
  const config = readConfig({ ...settings, ...env }, app.settings);
  return startServer(app, config, createLogger(config));
}
const statusOf = async (url: string) => {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
};

describe('a port for operations', () => {
  it('serves metrics and readiness, which the public port then does not, and liveness beside it', async () => {
    const app = await start({ OPS_PORT: '0' });
    try {
      const ops = app.opsUrl ?? '';
      expect(ops).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      const paths = ['/livez', '/readyz', '/metrics', '/graphql', '/'];
      expect(await Promise.all(paths.map((path) => statusOf(`${ops}${path}`)))).toEqual([200, 200, 200, 404, 404]);
      const onPublic = await Promise.all(paths.slice(0, 3).map((path) => statusOf(`${app.url}${path}`)));
      expect(onPublic).toEqual([200, 404, 404]);
      expect(await (await fetch(`${app.url}/readyz`)).json()).toEqual({
        status: 'not found',
        try: ['/graphql', '/livez'],
      });
    } finally {
      await app.stop();
    }
  });

  it('is the last to close, and says until then that the server is not ready', async () => {
    const app = await start({ OPS_PORT: '0' });
    const ops = app.opsUrl ?? '';
    const stopped = app.stop();
    const seen: number[] = [];
    let isOpen = true;
    while (isOpen) {
      isOpen = await statusOf(`${ops}/readyz`).then(
        (status) => seen.push(status) > 0,
        () => false,
      );
    }
    await stopped;
    expect(new Set(seen)).toEqual(new Set([503]));
    await expect(fetch(`${app.url}/livez`)).rejects.toThrow();
  });

  it('that is taken keeps the server from starting, in words, and leaves nothing open', async () => {
    const app = await start({ OPS_PORT: '0' });
    try {
      const { port } = new URL(app.opsUrl ?? '');
      await expect(start({ OPS_PORT: port })).rejects.toThrow(`Cannot listen on 127.0.0.1:${port}`);
    } finally {
      await app.stop();
    }
  });

  it('is none unless it is set: then the public port serves everything', async () => {
    const app = await start({});
    try {
      expect(app.opsUrl).toBeUndefined();
      const paths = ['/livez', '/readyz', '/metrics'];
      expect(await Promise.all(paths.map((path) => statusOf(`${app.url}${path}`)))).toEqual([200, 200, 200]);
    } finally {
      await app.stop();
    }
  });
});
