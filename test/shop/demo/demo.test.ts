import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCli, startCli } from '../../cli/support.ts';
import { staffToken, WITH_AUTH } from '../../support/client/tokens.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';

/** The demo must not use it. */
const SOMEBODY_ELSES = 'postgres://nobody@127.0.0.1:1/nothing';
const TIMEOUT = 120_000;

/** Starts the demo with a folder for temporary files in which nothing else is. */
async function startDemo() {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-demo-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const run = startCli(SOMEBODY_ELSES, ['demo'], { TMPDIR: folder, HOME: folder });
  let output = '';
  run.child.stdout?.on('data', (text) => (output += text));
  return {
    ...run,
    says: (text: string) => until(() => output.includes(text), { deadline: TIMEOUT }),
    /** Processes and files that are still there. */
    left: async () => [...(await processesAt(folder)), ...(await readdir(folder))],
  };
}

/** Command lines of the processes that work in a folder: the server by its setting, Postgres by its argument. */
async function processesAt(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const about = await Promise.all(
    pids.map(async (pid) => {
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const [command, environment] = await Promise.all([read('cmdline'), read('environ')]);
      return command.includes(folder) || environment.includes(`TMPDIR=${folder}`) ? [`${pid} ${command}`] : [];
    }),
  );
  return about.flat();
}

async function childrenOf(pid: number | undefined): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

describe.skipIf(lacks('/proc'))('the demo on a server of its own', { timeout: TIMEOUT }, () => {
  it('plays from the customer to the delivery, ends by itself and leaves nothing behind', async () => {
    const demo = await startDemo();
    const { code, stdout, stderr } = await demo.done;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toBe(stripVTControlCharacters(stdout));
    for (const text of [
      /✔ RegisterCustomer +Ada Lovelace, version 1 ·+ [\d.,]+ ms/,
      /✔ StockProduct +100 × Teapot, blue, version 2/,
      /◂ CaughtUp +orders/,
      /✔ PlaceOrder +(PLACED, £39\.98, version 1|CONFIRMED, £39\.98, version 2)/,
      /✔ ReadMyOrder +(PLACED, £39\.98, version 1|CONFIRMED, £39\.98, version 2)/,
      /✔ PlaceOrder +version 1, replayed: true/,
      /✔ Fulfilment +CONFIRMED .*\n.*ORDER_PLACED · STOCK_RESERVED .* · PAYMENT_AUTHORIZED .* · ORDER_CONFIRMED/,
      /✘ DeliverOrder +ORDER_NOT_SHIPPED/,
      /items\.0\.quantity: A quantity must be at least 1\./,
      /◂ OrderUpdated +CONFIRMED, £39\.98, version 2/,
      /◂ OrderUpdated +SHIPPED, £39\.98, version 3/,
      /◂ OrderUpdated +DELIVERED, £39\.98, version 4/,
      /✔ Fulfilment +COMPLETED .*\n.*PAYMENT_CAPTURED/,
      /✔ Fulfilment +FAILED .*\n.*PAYMENT_REFUSED .* · ORDER_CANCELLED .* · STOCK_RELEASED .*\n.*The card was declined\./,
      /✔ OrderStatistics +1 DELIVERED, £39\.98 · 1 CANCELLED, £39\.98/,
    ]) {
      expect(stdout).toMatch(text);
    }
    expect(await demo.left()).toEqual([]);
  });

  it.each(['Start a server', '✔ npm start'])(
    'leaves nothing behind when Ctrl-C is pressed after “%s”',
    async (moment) => {
      const demo = await startDemo();
      await demo.says(moment);
      demo.child.kill('SIGINT');
      const { code, stderr } = await demo.done;
      expect(stderr).toBe('Error INTERRUPTED: Stopped by SIGINT.\n');
      expect(code).toBe(130);
      expect(await demo.left()).toEqual([]);
    },
  );

  it('fails with one line, and stops Postgres all the same, when its server is killed', async () => {
    const demo = await startDemo();
    await demo.says('✔ npm start');
    for (const pid of await childrenOf(demo.child.pid)) process.kill(pid, 'SIGKILL');
    const { code, stderr } = await demo.done;
    expect(stderr).toMatch(/^Error SERVER_ENDED: The server of the demo has ended[^\n]*\n$/);
    expect(code).toBe(1);
    expect(await demo.left()).toEqual([]);
  });
});

describe('the demo on a running server', { timeout: TIMEOUT }, () => {
  const app = useApp();

  it('plays there, also when it has played there before', async () => {
    for (const url of [app.url, `${app.url}/graphql`]) {
      const { code, stdout, stderr } = await runCli(SOMEBODY_ELSES, ['demo', '--url', url]);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/◂ OrderUpdated +DELIVERED/);
    }
  });

  it('fails with one line if nobody answers, or nothing that it understands', async () => {
    expect(await runCli(SOMEBODY_ELSES, ['demo', '--url', 'http://127.0.0.1:1'])).toMatchObject({
      code: 1,
      stderr: 'Error NO_ANSWER: No server answers at http://127.0.0.1:1/graphql.\n',
    });
    const other = await runCli(SOMEBODY_ELSES, ['demo', '--url', `${app.url}/livez`]);
    expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Error NO_GRAPHQL: [^\n]*\n$/) });
    const none = await runCli(SOMEBODY_ELSES, ['demo', '--url', 'localhost:4000']);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Error BAD_URL: [^\n]*\n$/) });
  });
});

describe('the demo on a server that checks tokens', { timeout: TIMEOUT }, () => {
  const app = useApp({ env: WITH_AUTH });

  it('plays with the token of a member of staff, and says that it needs one', async () => {
    const without = await runCli(SOMEBODY_ELSES, ['demo', '--url', app.url]);
    expect(without).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Error UNAUTHENTICATED: [^\n]*\n$/) });
    const { code, stderr } = await runCli(SOMEBODY_ELSES, ['demo', '--url', app.url, '--token', await staffToken()]);
    expect([code, stderr]).toEqual([0, '']);
  });
});
