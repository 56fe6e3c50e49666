import { Money } from '../parts/money.tsx';
import { OrderForm } from './order-form.tsx';
import type { BasketActions, BasketLine } from './use-basket.ts';

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
      <span>{name}</span>
      <input
        type="number"
        min={0}
        max={99}
        aria-label={`How many of ${name}`}
        value={quantity}
        onChange={(event) => setQuantity(Math.min(event.target.valueAsNumber || 0, 99))}
      />
      <Money of={{ amount: price.amount * quantity, currency: price.currency }} />
    </li>
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
