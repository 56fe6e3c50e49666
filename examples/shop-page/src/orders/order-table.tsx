import { graphql } from '../gql/gql.ts';
import type { OrderRowFragment } from '../gql/graphql.ts';
import { Money } from '../parts/money.tsx';
import { Time } from '../parts/time.tsx';
import { hrefOf } from '../route.ts';
import { Status } from './status.tsx';

graphql(`
  fragment OrderRow on Order {
    id
    status
    itemCount
    placedAt
    total {
      amount
      currency
    }
    customer {
      id
      name
      version
    }
    version
  }
`);

interface Properties {
  readonly orders: readonly OrderRowFragment[];
  readonly withCustomer: boolean;
  /** True while another page is on its way. */
  readonly isLoading: boolean;
}

export function OrderTable({ orders, withCustomer, isLoading }: Properties) {
  if (orders.length === 0) return <p className="empty">There are no such orders.</p>;
  return (
    <table className="orders" aria-busy={isLoading}>
      <thead>
        <tr>
          <th scope="col">Order</th>
          {withCustomer && <th scope="col">Customer</th>}
          <th scope="col">Placed</th>
          <th scope="col" className="is-number">
            Items
          </th>
          <th scope="col" className="is-number">
            Total
          </th>
          <th scope="col">Status</th>
        </tr>
      </thead>
      <tbody>
        {orders.map(({ id, customer, placedAt, itemCount, total, status }) => (
          <tr key={id}>
            <th scope="row">
              <a href={hrefOf({ name: 'order', id })}>{shortId(id)}</a>
            </th>
            {withCustomer && <td data-label="Customer">{customer?.name ?? 'unknown'}</td>}
            <td data-label="Placed">
              <Time at={placedAt} />
            </td>
            <td data-label="Items" className="is-number">
              {itemCount}
            </td>
            <td data-label="Total" className="is-number">
              <Money of={total} />
            </td>
            <td data-label="Status">
              <Status of={status} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Enough of an id to tell orders apart by eye. */
export const shortId = (id: string): string => id.slice(0, 8);
