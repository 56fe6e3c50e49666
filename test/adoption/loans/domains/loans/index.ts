import { defineDomain } from 'afterwrite';
import { DueDate } from './due.ts';
import { loansGraphql } from './graphql.ts';
import { Loan, lendBook, returnBook } from './loan.ts';
import { loans } from './read-models.ts';

export const loansDomain = defineDomain({
  name: 'loans',
  aggregates: [Loan],
  commands: [lendBook, returnBook],
  projections: [loans],
  processes: [DueDate],
  graphql: loansGraphql,
});
