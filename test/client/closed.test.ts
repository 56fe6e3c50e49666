import { describe, expect, it } from 'vitest';
import type { AfterwriteOptions } from '../../client/src/index.ts';
import { WITH_AUTH } from '../support/client/tokens.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';
import { RENAME } from './documents.ts';
import { nameOf, useClients } from './support.ts';
import { takingTurns } from './taken-turns.ts';

const app = useApp({ env: WITH_AUTH, fulfils: false });
const createClient = useClients(app);
const shared = (options?: Partial<AfterwriteOptions>) => takingTurns(createClient, options);

describe('a client that is closed', () => {
  it('ends its queries, and its commands on their way and between two attempts', async () => {
    const { line, id, client, name } = await shared({ share: 'tabs' });
    const [query, command] = [line.holdAnswer(), line.holdAnswer()];
    const later = [{ message: 'later', extensions: { code: 'THROTTLED', retryAfterMs: 1e9 } }];
    line.answer(Response.json({ errors: later }));
    const sent = [nameOf(client, id)];
    await query.answered;
    const rename = async (patienceMs: number) =>
      String(await client.command(RENAME, { id, name: 'by Ada' }, { patienceMs }));
    sent.push(rename(60_000));
    await command.answered;
    sent.push(rename(2e9));
    await until(() => line.sent.length === 3);
    // The answer is read, and the pause has begun.
    await nameOf(client, id);
    const outcome = Promise.allSettled(sent);
    client.close();
    for (const { release } of [query, command]) release();
    const closed = { status: 'rejected', reason: { code: 'CLOSED' } };
    expect(await outcome).toMatchObject([closed, closed, closed]);
    expect(await name()).toBe('by Ada');
  });

  it('gives the answers to later requests, although other tabs cannot be told', async () => {
    const { id, client } = await shared({ share: 'tabs' });
    client.close();
    expect(await nameOf(client, id)).toBe('Ada');
  });
});
