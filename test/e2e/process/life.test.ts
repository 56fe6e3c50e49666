import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { registerCustomer } from '../../support/client/shop.ts';
import { until } from '../../support/until.ts';
import { dataFolder, freePort, isAlive, postmasterOf, ServerProcess, statusOf } from './server-process.ts';

// Processes start slowly where many tests share the machine.
vi.setConfig({ testTimeout: 240_000 });

const CREATES_A_CLUSTER = 120_000;

describe.each([
  ['node src/main.ts', ['src/main.ts']],
  ['node scripts/run.mjs src/main.ts', ['scripts/run.mjs', 'src/main.ts']],
])('%s', (_, words) => {
  it('is alive, then ready, prints its address, serves, and on Ctrl-C stops its Postgres and exits with 0', async () => {
    const folder = await dataFolder();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    expect(await statusOf(`${url}/livez`)).toBeUndefined();
    const server = new ServerProcess({ DATA_DIR: folder, PORT: String(port) }, words);
    await until(async () => (await statusOf(`${url}/livez`)) === 200, { deadline: CREATES_A_CLUSTER });
    expect(await statusOf(`${url}/readyz`)).toBe(503);
    expect(await statusOf(`${url}/graphql`)).toBe(503);

    await server.started();
    expect(server.url).toBe(url);
    expect(server.messages).toContain(`GraphiQL:    ${url}/graphql (open it in a browser)`);
    expect(await statusOf(`${url}/readyz`)).toBe(200);
    const page = await fetch(`${url}/graphql`, { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-type')).toMatch('text/html');
    expect((await registerCustomer(server)).version).toBe(1);

    const postgres = postmasterOf(folder) ?? 0;
    expect(isAlive(postgres)).toBe(true);
    server.kill('SIGINT');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(isAlive(postgres)).toBe(false);
    expect(await statusOf(`${url}/livez`)).toBeUndefined();
    expect(server.messages.at(-1)).toBe('stopped');
    expect(server.stdout).not.toMatch(/did not end in time|a step of the shutdown failed/);
    expect(server.stderr).toBe('');
  });
});

describe('a server that is told to stop while it starts', () => {
  it('ends with 0 and leaves no Postgres', async () => {
    const folder = await dataFolder();
    const port = await freePort();
    const server = new ServerProcess({ DATA_DIR: folder, PORT: String(port) });
    await until(() => postmasterOf(folder) !== undefined, { deadline: CREATES_A_CLUSTER });
    const postgres = postmasterOf(folder) ?? 0;
    server.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await until(() => !isAlive(postgres));
    const socket = connect(port, '127.0.0.1');
    expect(await once(socket, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });
});
