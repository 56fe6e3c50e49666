import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestApp, type TestApp } from 'afterwrite/testing';
import app from '../../afterwrite.config.ts';

let library: TestApp;
before(async () => {
  library = await createTestApp(app, { at: '2026-03-02T10:00:00Z' });
});
after(() => library.close());

const READ = 'query ($id: ID!) { loan(id: $id) { book status lentAt } }';

/** Lends a book to Ada, and returns the id of the loan and the token of the receipt. */
async function lend(book = 'Frankenstein'): Promise<{ id: string; token: string }> {
  const { aggregateId: id, token } = await library
    .as('clerk', 'librarian')
    .accepted('lendBook', { book, borrower: 'ada' });
  return { id, token };
}

test('a borrower reads what a librarian has written, and nobody else does', async () => {
  const lentAt = library.clock.now().toISOString();
  const { id } = await lend();
  const { data } = await library.as('ada', 'member').query(READ, { id });
  assert.deepEqual(data, { loan: { book: 'Frankenstein', status: 'LENT', lentAt } });
  assert.deepEqual((await library.as('bob', 'member').query(READ, { id })).data, { loan: null });
  assert.equal((await library.anonymous.query(READ, { id })).code, 'UNAUTHENTICATED');
});

test('a borrower returns the book, once', async () => {
  const { id: loanId } = await lend();
  const ada = library.as('ada', 'member');
  await ada.accepted('returnBook', { loanId });
  assert.equal((await ada.command('returnBook', { loanId })).code, 'NOT_LENT');
});

test('a book that is not back after 28 days is overdue, and its borrower sees that at once', async () => {
  const { id, token: after } = await lend();
  const loan = 'subscription ($id: ID!, $after: ConsistencyToken) { loanUpdated(id: $id, after: $after) { status } }';
  const updates = await library.as('ada', 'member').subscribe(loan, { id, after });
  assert.deepEqual(await updates.data(), { loanUpdated: { status: 'LENT' } });
  await library.clock.advance({ days: 27, hours: 23 });
  const { data } = await library.as('ada', 'member').query(READ, { id });
  assert.deepEqual((data as { loan: { status: string } }).loan.status, 'LENT');
  await library.clock.advance({ hours: 1 });
  assert.deepEqual(await updates.data(), { loanUpdated: { status: 'OVERDUE' } });
});

test('a book that came back in time is never overdue', async () => {
  const { id: loanId } = await lend();
  await library.as('ada', 'member').accepted('returnBook', { loanId });
  await library.clock.advance({ days: 60 });
  const { data } = await library.as('ada', 'member').query(READ, { id: loanId });
  assert.equal((data as { loan: { status: string } }).loan.status, 'RETURNED');
});

test('an input that is wrong is refused, and nothing is lent', async () => {
  const good = { id: '01890000-0000-7000-8000-000000000001', book: 'Frankenstein', borrower: 'ada' };
  const clerk = library.as('clerk', 'librarian');
  const cases = library.badInputs('lendBook', good);
  assert.ok(cases.length > 30);
  for (const { what, input } of cases) {
    const answer = await clerk.tryCommand('lendBook', input);
    const code = answer.code ?? answer.data?.lendBook?.code;
    assert.ok(code === 'BAD_USER_INPUT' || code === 'VALIDATION_FAILED', `${what}: ${answer.text}`);
  }
});
