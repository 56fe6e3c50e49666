import { send } from '../api/outbox.ts';
import { graphql } from '../gql/gql.ts';
import type { OrderNowFragment } from '../gql/graphql.ts';

const CANCEL_ORDER = graphql(`
  mutation CancelOrder($input: CancelOrderInput!, $commandId: ID) {
    cancelOrder(input: $input, commandId: $commandId) {
      __typename
      ... on CommandReceipt {
        commandId
        aggregateId
        version
        token
        replayed
      }
      ... on Error {
        code
        message
      }
    }
  }
`);

/** What a customer can do with an order. The page need not be told: the order is live. */
export function CustomerActions({ order: { id, status } }: { readonly order: OrderNowFragment }) {
  if (status !== 'PLACED' && status !== 'CONFIRMED') return null;
  const cancel = () => {
    const input = { orderId: id, reason: 'The customer has changed their mind.' };
    send(CANCEL_ORDER, { input });
  };
  return (
    <button type="button" onClick={cancel}>
      Cancel the order
    </button>
  );
}
