import { usePerson } from '../api/client.ts';
import { useOnline } from '../api/connection.ts';
import { useWaiting } from '../api/outbox.ts';
import { useLive } from '../api/use-live.ts';
import { graphql } from '../gql/gql.ts';
import { Failure } from '../parts/failure.tsx';
import { Heading } from '../parts/heading.tsx';
import { CustomerActions } from './customer-actions.tsx';
import { OrderDetails } from './order-details.tsx';
import { shortId } from './order-table.tsx';
import './orders.css';
import { Progress } from './progress.tsx';
import { StaffActions } from './staff-actions.tsx';
import { TimeTravel } from './time-travel.tsx';

const LIVE_ORDER = graphql(`
  subscription LiveOrder($id: ID!, $after: ConsistencyToken) {
    live(after: $after) {
      order(id: $id) {
        ...OrderNow
      }
      fulfilment(orderId: $id) {
        id
        ...FulfilmentProgress
      }
    }
  }
`);

/** An order as it is at each moment, what has happened for it, and what it was before. */
export function OrderPage({ id }: { readonly id: string }) {
  const { view, error } = useLive(LIVE_ORDER, { id });
  const isStaff = usePerson()?.role === 'staff';
  const order = view?.order;
  return (
    <article>
      <Heading>{`Order ${shortId(id)}`}</Heading>
      <Failure>{error?.message}</Failure>
      {!order && <Missing isAnswered={view !== undefined} />}
      {order && (
        <div className="with-side">
          <div>
            <section className="card" aria-label="The order now">
              <OrderDetails order={order} />
              {isStaff ? <StaffActions order={order} /> : <CustomerActions order={order} />}
            </section>
            <TimeTravel id={id} version={order.version} />
          </div>
          {view.fulfilment && <Progress fulfilment={view.fulfilment} isExplained={Boolean(order.cancellationReason)} />}
        </div>
      )}
    </article>
  );
}

/** An order that waits for the server appears when it has been sent. */
function Missing({ isAnswered }: { readonly isAnswered: boolean }) {
  const isOnline = useOnline();
  const isWaiting = useWaiting() > 0;
  if (isWaiting)
    return <p className="empty appears-late">The order waits. It is sent as soon as the server can be reached.</p>;
  if (!isOnline) return <p className="empty">There is no connection.</p>;
  return <p className="empty">{isAnswered ? 'There is no such order yet.' : 'Loading …'}</p>;
}
