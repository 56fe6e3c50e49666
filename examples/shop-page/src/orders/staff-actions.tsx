import { useMutation } from '@apollo/client/react';
import { type FormEvent, useId } from 'react';
import { sentenceOf } from '../api/outbox.ts';
import { graphql } from '../gql/gql.ts';
import type { OrderNowFragment } from '../gql/graphql.ts';
import { Failure } from '../parts/failure.tsx';

const SHIP_ORDER = graphql(`
  mutation ShipOrder($input: ShipOrderInput!, $id: ID!, $commandId: ID) {
    shipOrder(input: $input, commandId: $commandId) {
      ... on CommandReceipt {
        token
        query {
          order(id: $id) {
            ...OrderNow
          }
        }
      }
      ... on Error {
        code
        message
      }
    }
  }
`);

const CONFIRM_DELIVERY = graphql(`
  mutation ConfirmDelivery($input: OrderInput!, $id: ID!, $commandId: ID) {
    confirmDelivery(input: $input, commandId: $commandId) {
      ... on CommandReceipt {
        token
        query {
          order(id: $id) {
            ...OrderNow
          }
        }
      }
      ... on Error {
        code
        message
      }
    }
  }
`);

/** What the staff can do with an order. The receipt has the order as the command has left it, for the cache. */
export function StaffActions({ order }: { readonly order: OrderNowFragment }) {
  const [ship, shipping] = useMutation(SHIP_ORDER);
  const [deliver, delivering] = useMutation(CONFIRM_DELIVERY);
  const { id, status } = order;
  const isSending = shipping.loading || delivering.loading;
  const failure =
    refusalIn(shipping.data?.shipOrder) ??
    refusalIn(delivering.data?.confirmDelivery) ??
    sentenceOf(shipping.error ?? delivering.error);
  const onShip = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = { orderId: id, carrier: `${form.get('carrier')}`, trackingNumber: `${form.get('trackingNumber')}` };
    ship({ variables: { id, input } }).catch(shownBelow);
  };
  const onDelivered = () => deliver({ variables: { id, input: { orderId: id } } }).catch(shownBelow);
  return (
    <>
      {status === 'CONFIRMED' && <ShipForm onSubmit={onShip} isSending={isSending} />}
      {status === 'SHIPPED' && (
        <button type="button" className="is-main" disabled={isSending} onClick={onDelivered}>
          Confirm the delivery
        </button>
      )}
      <Failure>{failure}</Failure>
    </>
  );
}

interface FormProperties {
  readonly isSending: boolean;
  onSubmit(event: FormEvent<HTMLFormElement>): void;
}

function ShipForm({ onSubmit, isSending }: FormProperties) {
  const heading = useId();
  return (
    <form onSubmit={onSubmit} aria-labelledby={heading}>
      <h2 id={heading}>Ship it</h2>
      <label className="field">
        <span>Carrier</span>
        <input name="carrier" defaultValue="Royal Mail" required maxLength={100} />
      </label>
      <label className="field">
        <span>Tracking number</span>
        <input name="trackingNumber" defaultValue="RM-0001" required maxLength={100} />
      </label>
      <button type="submit" className="is-main" disabled={isSending}>
        Ship the order
      </button>
    </form>
  );
}

/** The error of a mutation is in its result, which the component shows. */
const shownBelow = () => undefined;

/** Why a command was refused. A refusal is data, not an error. */
function refusalIn(result: object | undefined): string | undefined {
  return result && 'message' in result ? String(result.message) : undefined;
}
