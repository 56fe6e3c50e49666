import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false, env: { ACTOR_ANSWER_BYTES: String(1024 * 1024) } });
let token: string;
beforeAll(async () => {
  for (let nth = 1; nth <= 2; nth++) {
    ({ token } = await app.command('createNote', { title: `Note ${nth}`, content: '\u0001'.repeat(100_000) }));
  }
});
const notes = (first: number) =>
  app.query(
    'query ($t: ConsistencyToken!, $first: Int) @readAfter(token: $t) { notes(first: $first) { edges { node { content } } } }',
    { t: token, first },
  );

describe('the large answers of an actor', () => {
  it('may follow each other: what was sent counts no more', async () => {
    for (let nth = 0; nth < 5; nth++) expect((await notes(1)).errors).toBeUndefined();
  });

  it('are refused beyond ACTOR_ANSWER_BYTES with an error that says when to ask again', async () => {
    const answer = await notes(2);
    expectRequestError(answer, 'THROTTLED');
    expect(answer.errors?.[0]?.extensions.retryAfterMs).toBe(1000);
    expect((await notes(1)).errors).toBeUndefined();
  });
});
