import { useState } from 'react';
import { Money } from '../parts/money.tsx';
import { OrderForm } from './order-form.tsx';
import type { BasketActions, BasketLine } from './use-basket.ts';

const MOST_PIECES = 99;

/** What is to be ordered, and the form that orders it. */
export function Basket({ customerId, basket }: { readonly customerId: string; readonly basket: BasketActions }) {
  const { lines } = basket;
  const [first] = lines;
  const amount = lines.reduce((sum, { price, quantity }) => sum + price.amount * quantity, 0);
  return (
    <aside className="card side" aria-labelledby="basket">
      <h2 id="basket" tabIndex={-1}>
        Basket
      </h2>
      {!first && <p className="empty">It is empty.</p>}
      <ul className="lines">
        {lines.map((line) => (
          <Line key={line.productId} line={line} setQuantity={(quantity) => basket.set(line.productId, quantity)} />
        ))}
      </ul>
      {first && (
        <>
          <p className="total">
            <span>Total</span> <Money of={{ amount, currency: first.price.currency }} />
          </p>
          <OrderForm customerId={customerId} lines={lines} onOrdered={basket.empty} />
        </>
      )}
    </aside>
  );
}

function Line({ line, setQuantity }: { readonly line: BasketLine; setQuantity(quantity: number): void }) {
  const { name, price, quantity } = line;
  return (
    <li>
      <span>
        {name}
        <button type="button" className="is-link" onClick={() => setQuantity(0)}>
          Remove<span className="visually-hidden"> {name}</span>
        </button>
      </span>
      <Quantity label={`How many of ${name}`} value={quantity} onChange={setQuantity} />
      <Money of={{ amount: price.amount * quantity, currency: price.currency }} />
    </li>
  );
}

interface QuantityProperties {
  readonly label: string;
  readonly value: number;
  onChange(value: number): void;
}

function Quantity({ label, value, onChange }: QuantityProperties) {
  // What is being typed need not be a number yet.
  const [draft, setDraft] = useState<string>();
  const type = (text: string) => {
    setDraft(text);
    const typed = Math.trunc(Number(text));
    if (typed >= 1) onChange(Math.min(typed, MOST_PIECES));
  };
  return (
    <input
      type="number"
      min={1}
      max={MOST_PIECES}
      aria-label={label}
      value={draft ?? value}
      onChange={(event) => type(event.target.value)}
      onBlur={() => setDraft(undefined)}
    />
  );
}

/** Leads to the basket on a phone, where it is below the catalogue. */
export function ToBasket({ basket: { lines } }: { readonly basket: BasketActions }) {
  const pieces = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  if (pieces === 0) return null;
  return (
    <button type="button" className="to-basket is-main" onClick={() => document.getElementById('basket')?.focus()}>
      Basket: {pieces === 1 ? '1 piece' : `${pieces} pieces`}
    </button>
  );
}
