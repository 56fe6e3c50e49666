import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { anAppend } from '../../../support/kernel/appends.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false });
const TAG = 'mutation ($id: ID!) { tagNote(input: { noteId: $id, tag: "t" }) { __typename } }';
const CREATE_AND_TAG =
  'mutation ($id: ID!) { createNote(input: { title: "t", content: "c" }) { __typename } tagNote(input: { noteId: $id, tag: "t" }) { __typename } }';

/** A note of which newer code has stored the first event. */
async function noteOf(event: { readonly type: string; readonly schemaVersion: number }): Promise<string> {
  const streamId = randomUUID();
  await app.engine.log.append([anAppend({ streamType: 'Note', streamId, events: [{ ...event, data: {} }] })]);
  return streamId;
}

// First: from then on, the read model waits.
describe('a read of what newer code has stored', () => {
  const READ = 'query ($id: ID!) { note(id: $id) { title } }';
  const FRESH = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, timeoutMs: 10000) {
    note(id: $id) { title }
  }`;
  const STALE = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token, onTimeout: STALE) {
    note(id: $id) { title }
  }`;
  const newer = { type: 'NoteTagged', schemaVersion: 99 };

  it('is answered THROTTLED with status 503 at once, and with what there is if that may be stale', async () => {
    const { aggregateId: id } = await app.command('createNote', { title: 't', content: 'c' });
    await noteOf(newer);
    const { token } = await app.command('createNote', { title: 'u', content: 'c' });
    const before = performance.now();
    const answer = await app.query(FRESH, { id, token });
    expect(answer).toMatchObject({ status: 503, code: 'THROTTLED' });
    expect(answer.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/^Read model notes is at position \d+ on this instance and waits for newer code/),
      extensions: { retryAfterMs: 1000, projection: 'notes' },
    });
    // Far less than the time for which a read waits.
    expect(performance.now() - before).toBeLessThan(9000);
    const stale = await app.query(STALE, { id, token });
    expect(stale).toMatchObject({ status: 200, data: { note: { title: 't' } }, consistency: { stale: true } });
    // Without a token nothing has to be waited for.
    expect((await app.query(READ, { id })).data).toEqual({ note: { title: 't' } });
  });
});

describe.each([
  ['a newer schema version', { type: 'NoteTagged', schemaVersion: 99 }],
  ['a kind that this code does not know', { type: 'NoteFramed', schemaVersion: 1 }],
])('a command on a stream with an event of %s', (_, event) => {
  it('is answered THROTTLED with status 503, names the event, and appends nothing', async () => {
    const id = await noteOf(event);
    const { errors, status, headers } = await app.query(TAG, { id });
    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('1');
    expect(errors).toMatchObject([{ extensions: { code: 'THROTTLED', retryAfterMs: 1000 } }]);
    expect(errors?.[0]?.extensions).not.toHaveProperty('http');
    expect(errors?.[0]?.message).toContain(`${event.type} of schema version ${event.schemaVersion}`);
    expect(await app.database.sql`select 1 from es.events where stream_id = ${id}`).toHaveLength(1);
  });

  it('has status 200 if another command of the request was accepted', async () => {
    const { errors, status } = await app.query(CREATE_AND_TAG, { id: await noteOf(event) });
    expect(status).toBe(200);
    expect(errors).toMatchObject([{ extensions: { code: 'THROTTLED' } }]);
  });
});
