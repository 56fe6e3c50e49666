import { clearDeadline, defineEvent, defineProcess, issue, setDeadline } from 'afterwrite';
import { z } from 'zod';
import { BookLent, BookReturned, remindBorrower } from './loan.ts';

const DAYS = 28;
const DAY_MS = 86_400_000;

const DueDateSet = defineEvent('DueDateSet', { data: z.object({}) });

/** Waits for a book to come back, and reminds its borrower on the day on which it is due. */
export const DueDate = defineProcess('DueDate', {
  initialState: () => ({}),
  events: { DueDateSet },
  evolve: { DueDateSet: (state) => state },
  reactsTo: { BookLent, BookReturned },
  issues: { remindBorrower },
  on: {
    BookLent: {
      process: ({ streamId }) => streamId,
      begins: true,
      react: (_, { occurredAt }) => [
        DueDateSet({}),
        setDeadline('due', new Date(occurredAt.getTime() + DAYS * DAY_MS)),
      ],
    },
    BookReturned: { process: ({ streamId }) => streamId, react: () => clearDeadline('due') },
  },
  deadlines: { due: (_, { process }) => issue(remindBorrower, { loanId: process }) },
});
