import { test } from 'node:test';
import { actorWith } from 'afterwrite';
import { given } from 'afterwrite/testing';
import { roles } from '../../roles.ts';
import { BookLent, BookReturned, Loan, returnBook } from './loan.ts';

const loanId = '00000000-0000-7000-8000-000000000001';
const lent = BookLent({ book: 'Frankenstein', borrower: 'ada' });

test('a book that is lent comes back', () =>
  given(Loan, [lent]).when(returnBook, { loanId }).thenEvents(BookReturned({})));

test('a book does not come back twice', async () => {
  await given(Loan, [lent, BookReturned({})])
    .when(returnBook, { loanId })
    .thenRejected('NOT_LENT');
});

test('nobody returns the book of somebody else', () =>
  given(Loan, [lent])
    .by(actorWith(roles, 'bob', 'member'))
    .when(returnBook, { loanId })
    .thenForbidden());
