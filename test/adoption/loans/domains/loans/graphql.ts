import type { Api } from 'afterwrite/graphql';
import { loans } from './read-models.ts';

export function loansGraphql(api: Api): void {
  const Loan = api.readModel('Loan', loans, {
    description: 'A book that is lent to somebody.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      book: t.exposeString('book', { description: 'The title of the book.' }),
      borrower: t.exposeString('borrower', { description: 'Who borrows it.' }),
      status: t.exposeString('status', { description: 'LENT or RETURNED.' }),
      version: t.exposeInt('version', { description: 'The version of its stream that this row reflects.' }),
    }),
  });
  api.queryByKey('loan', Loan, 'A loan; null if there is none that you may see.');
}
