import { type FormEvent, useState } from 'react';
import { send } from '../api/outbox.ts';
import { graphql } from '../gql/gql.ts';
import type { AddressInput } from '../gql/graphql.ts';
import { goTo } from '../route.ts';
import type { BasketLine } from './use-basket.ts';

const PLACE_ORDER = graphql(`
  mutation PlaceOrder($input: PlaceOrderInput!, $commandId: ID) {
    placeOrder(input: $input, commandId: $commandId) {
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

/** Tokens of the payment gateway of the sample shop, and what it does with them. */
const PAYMENTS = [
  ['tok_ok', 'Card that works'],
  ['tok_declined', 'Card that is declined'],
] as const;

interface Properties {
  readonly customerId: string;
  readonly lines: readonly BasketLine[];
  onOrdered(): void;
}

/** Orders the basket, and shows the order at once: it is sent when there is a connection. */
export function OrderForm({ customerId, lines, onOrdered }: Properties) {
  const [paymentMethod, setPaymentMethod] = useState<string>(PAYMENTS[0][0]);
  const order = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const shippingAddress = Object.fromEntries(new FormData(event.currentTarget)) as unknown as AddressInput;
    const items = lines.map(({ productId, quantity }) => ({ productId, quantity }));
    const id = crypto.randomUUID();
    const input = { id, customerId, items, shippingAddress, paymentMethod };
    send(PLACE_ORDER, { input });
    onOrdered();
    goTo({ name: 'order', id });
  };
  return (
    <form onSubmit={order}>
      <fieldset>
        <legend>Deliver to</legend>
        <Field name="line1" label="Street" value="12 St James's Square" />
        <Field name="city" label="City" value="London" />
        <Field name="postalCode" label="Postal code" value="SW1Y 4JH" />
        <Field name="country" label="Country" value="United Kingdom" />
      </fieldset>
      <label className="field">
        <span>Pay with</span>
        <select value={paymentMethod} onChange={(event) => setPaymentMethod(event.target.value)}>
          {PAYMENTS.map(([token, name]) => (
            <option key={token} value={token}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" className="is-main">
        Place order
      </button>
    </form>
  );
}

function Field({ name, label, value }: { readonly name: string; readonly label: string; readonly value: string }) {
  return (
    <label className="field">
      <span>{label}</span>
      <input name={name} defaultValue={value} required maxLength={200} />
    </label>
  );
}
