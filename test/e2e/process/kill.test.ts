import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { CommandAnswer } from '../../support/client/http-client.ts';
import { until } from '../../support/until.ts';
import { dataFolder, isAlive, postmasterOf, ServerProcess } from './server-process.ts';

// Processes start slowly where many tests share the machine.
vi.setConfig({ testTimeout: 240_000 });

/** A command as it was sent, and its receipt if there was one. */
interface Sent {
  readonly commandId: string;
  readonly input: { readonly id: string; readonly name: string; readonly email: string };
  receipt?: CommandAnswer;
}

/** Sends commands until the server is gone. */
async function sendUntilGone(server: ServerProcess, sent: Sent[]): Promise<void> {
  for (;;) {
    const command: Sent = {
      commandId: randomUUID(),
      input: { id: randomUUID(), name: 'Ada', email: 'ada@example.org' },
    };
    sent.push(command);
    try {
      command.receipt = await server.command('registerCustomer', command.input, { commandId: command.commandId });
    } catch {
      return;
    }
  }
}

describe('a server that is killed while it is sent commands', () => {
  it.each([
    ['alone', false],
    ['together with its Postgres', true],
  ])('has each acknowledged command exactly once when it starts again (%s)', async (_, withPostgres) => {
    const folder = await dataFolder();
    const first = await new ServerProcess({ DATA_DIR: folder }).started();
    const postgres = postmasterOf(folder) ?? 0;
    const sent: Sent[] = [];
    const clients = Array.from({ length: 8 }, () => sendUntilGone(first, sent));
    await until(() => sent.filter(({ receipt }) => receipt).length >= 300, { deadline: 60_000 });
    if (withPostgres) process.kill(postgres, 'SIGKILL');
    first.kill('SIGKILL');
    await Promise.all([...clients, first.exited]);
    expect(isAlive(postgres)).toBe(!withPostgres);
    // Whoever inherits the processes of one that was killed takes note of their ends in its own time.
    if (withPostgres) await until(() => !existsSync(`/proc/${postgres}`));

    const second = await new ServerProcess({ DATA_DIR: folder }).started();
    const acknowledged = sent.filter(({ receipt }) => receipt);
    for (const { input, receipt } of acknowledged.slice(-20)) {
      const query = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 10000) {
          customer(id: $id) { id version }
        }`;
      const { data } = await second.query(query, { id: input.id, token: receipt?.token });
      expect(data).toEqual({ customer: { id: input.id, version: 1 } });
    }
    for (const command of sent) {
      const { commandId, input, receipt } = command;
      const again = await second.command('registerCustomer', input, { commandId });
      expect(again).toMatchObject({ __typename: 'CommandReceipt', aggregateId: input.id, version: 1 });
      if (receipt) expect(again).toEqual({ ...receipt, replayed: true });
      command.receipt = again;
    }
    const caughtUp = () =>
      second
        .query<{ projections: { lag: number; head: number }[] }>('{ projections { lag head } }')
        .then(({ data }) => data.projections.every(({ lag, head }) => lag === 0 && head === sent.length));
    await until(caughtUp);
    const postgresNow = postmasterOf(folder) ?? 0;
    second.kill('SIGINT');
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(isAlive(postgresNow)).toBe(false);
  });
});
