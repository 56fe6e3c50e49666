import { useState } from 'react';
import type { Person } from '../api/people.ts';
import { useLive } from '../api/use-live.ts';
import { graphql } from '../gql/gql.ts';
import type { OrderStatus } from '../gql/graphql.ts';
import { Failure } from '../parts/failure.tsx';
import { Heading } from '../parts/heading.tsx';
import { OrderTable } from './order-table.tsx';
import './orders.css';
import { FIRST_PAGE, type Page, Pager } from './pager.tsx';
import { STATUSES, statusName } from './status.tsx';

const LIVE_ORDERS = graphql(`
  subscription LiveOrders(
    $filter: OrderFilter
    $first: Int
    $afterCursor: String
    $last: Int
    $beforeCursor: String
    $after: ConsistencyToken
  ) {
    live(after: $after) {
      orders(filter: $filter, first: $first, after: $afterCursor, last: $last, before: $beforeCursor) {
        totalCount
        nodes {
          ...OrderRow
        }
        pageInfo {
          hasNextPage
          hasPreviousPage
          startCursor
          endCursor
        }
      }
    }
  }
`);

/** A page of the list of orders, live: of the staff all orders, of a customer their own. */
export function OrdersPage({ person }: { readonly person: Person }) {
  const [status, setStatus] = useState<OrderStatus>();
  const [page, setPage] = useState<Page>(FIRST_PAGE);
  const filter = status ? { status: [status] } : null;
  const { view, isLoading, error } = useLive(LIVE_ORDERS, { filter, ...page });
  const orders = view?.orders;
  const choose = (chosen: string) => {
    setStatus(STATUSES.find((one) => one === chosen));
    setPage(FIRST_PAGE);
  };
  return (
    <section>
      <Heading>{person.role === 'staff' ? 'All orders' : 'My orders'}</Heading>
      <div className="bar">
        <label className="field">
          <span>Status</span>
          <select value={status ?? ''} onChange={(event) => choose(event.target.value)}>
            <option value="">all</option>
            {STATUSES.map((one) => (
              <option key={one} value={one}>
                {statusName(one)}
              </option>
            ))}
          </select>
        </label>
        {orders && <p className="quiet">{orders.totalCount === 1 ? '1 order' : `${orders.totalCount} orders`}</p>}
      </div>
      <Failure>{error?.message}</Failure>
      {orders && (
        <>
          <OrderTable orders={orders.nodes} withCustomer={person.role === 'staff'} isLoading={isLoading} />
          <Pager pageInfo={orders.pageInfo} onTurn={setPage} />
        </>
      )}
    </section>
  );
}
