import type { Api } from 'afterwrite/graphql';
import { loans } from './read-models.ts';

export function loansGraphql(api: Api): void {
  const Loan = api.readModel('Loan', loans, {
    description: 'A book that is lent to somebody.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      book: t.exposeString('book', { description: 'The title of the book.' }),
      borrower: t.exposeString('borrower', { description: 'Who borrows it.' }),
      status: t.exposeString('status', { description: 'LENT, OVERDUE or RETURNED.' }),
      lentAt: t.expose('lentAt', { type: 'DateTime', description: 'When it was lent.' }),
      version: t.exposeInt('version', { description: 'The version of its stream that this row reflects.' }),
    }),
  });
  api.subscriptionToRow('loanUpdated', Loan, 'The loan now, and again each time it changes.');
  api.queryByKey('loan', Loan, 'A loan; null if there is none that you may see.');
}
