import { defineAggregate, defineCommand, defineEvent, nonPersonal, personal, reject } from 'afterwrite';
import { z } from 'zod';

const id = (what: string) => z.guid('An id must be a UUID.').toLowerCase().describe(what);

export const BookLent = defineEvent('BookLent', {
  data: z.object({ book: nonPersonal(z.string()), borrower: personal(z.string()) }),
});
export const BookReturned = defineEvent('BookReturned', { data: z.object({}) });
export const LoanOverdue = defineEvent('LoanOverdue', { data: z.object({}) });

export interface LoanState {
  readonly status: 'NONE' | 'LENT' | 'OVERDUE' | 'RETURNED';
  readonly borrower: string;
}

export const Loan = defineAggregate('Loan', {
  description: 'A book that is lent to somebody.',
  visibleTo: { librarian: 'all', member: (actor, loan) => loan.borrower === actor.id },
  initialState: (): LoanState => ({ status: 'NONE', borrower: '' }),
  events: { BookLent, BookReturned, LoanOverdue },
  evolve: {
    BookLent: (_, { data }) => ({ status: 'LENT', borrower: data.borrower }),
    BookReturned: (loan) => ({ ...loan, status: 'RETURNED' }),
    LoanOverdue: (loan) => ({ ...loan, status: 'OVERDUE' }),
  },
});

export const lendBook = defineCommand('lendBook', {
  description: 'Lends a book to somebody.',
  aggregate: Loan,
  creates: true,
  input: z.object({
    id: id('').nullish().describe('A UUID of your choice; left out, the server makes one.'),
    book: z.string().min(1).max(200).describe('The title of the book.'),
    borrower: z.string().min(1).max(200).describe('Who borrows it.'),
  }),
  id: (input) => input.id,
  allow: ['librarian'],
  decide: (loan, { book, borrower }) =>
    loan.status === 'NONE' ? BookLent({ book, borrower }) : reject('LOAN_EXISTS', 'There is a loan with this id.'),
});

export const returnBook = defineCommand('returnBook', {
  description: 'Takes a book back.',
  aggregate: Loan,
  input: z.object({ loanId: id('The loan.') }),
  id: (input) => input.loanId,
  allow: { librarian: true, member: (actor, _, loan) => loan.borrower === actor.id },
  decide: (loan) => (loan.status === 'RETURNED' ? reject('NOT_LENT', 'The book is back already.') : BookReturned({})),
});

/** Issued by the process in due.ts only: it is no mutation. */
export const remindBorrower = defineCommand('remindBorrower', {
  aggregate: Loan,
  input: z.object({ loanId: id('The loan.') }),
  id: (input) => input.loanId,
  allow: ['system'],
  decide: (loan) => (loan.status === 'LENT' ? LoanOverdue({}) : []),
});
