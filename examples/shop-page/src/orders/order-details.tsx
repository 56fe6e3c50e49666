import { graphql } from '../gql/gql.ts';
import type { OrderNowFragment } from '../gql/graphql.ts';
import { Money } from '../parts/money.tsx';
import { Time } from '../parts/time.tsx';
import { Status } from './status.tsx';

graphql(`
  fragment OrderNow on Order {
    id
    status
    placedAt
    updatedAt
    carrier
    trackingNumber
    cancellationReason
    customer {
      id
      name
      version
    }
    items {
      quantity
      lineTotal {
        amount
        currency
      }
      product {
        id
        name
      }
    }
    total {
      amount
      currency
    }
    version
  }
`);

/** What the order now and a former version of it have in common. */
type Details = Pick<
  OrderNowFragment,
  'status' | 'updatedAt' | 'carrier' | 'trackingNumber' | 'cancellationReason' | 'items' | 'total'
> &
  Partial<Pick<OrderNowFragment, 'customer'>>;

export function OrderDetails({ order }: { readonly order: Details }) {
  const { status, updatedAt, carrier, trackingNumber, cancellationReason, customer, items, total } = order;
  return (
    <>
      <p>
        <Status of={status} />{' '}
        <span className="quiet">
          since <Time at={updatedAt} />
        </span>
      </p>
      {customer && <p>For {customer.name}</p>}
      {carrier && (
        <p>
          With {carrier}, {trackingNumber}
        </p>
      )}
      {cancellationReason && <p className="is-warning">{cancellationReason}</p>}
      <ul className="lines">
        {items.map(({ product, quantity, lineTotal }) => (
          <li key={product?.id}>
            <span>{product?.name}</span>
            <span className="quiet">× {quantity}</span>
            <Money of={lineTotal} />
          </li>
        ))}
      </ul>
      <p className="total">
        <span>Total</span> <Money of={total} />
      </p>
    </>
  );
}
