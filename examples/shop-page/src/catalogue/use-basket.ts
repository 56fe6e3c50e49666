import { useEffect, useReducer } from 'react';

/** A product, and how many of it. */
export interface BasketLine {
  readonly productId: string;
  readonly name: string;
  readonly price: { readonly amount: number; readonly currency: string };
  readonly quantity: number;
}

type Action =
  | { readonly type: 'add'; readonly line: Omit<BasketLine, 'quantity'> }
  | { readonly type: 'set'; readonly productId: string; readonly quantity: number }
  | { readonly type: 'empty' };

function reduce(lines: readonly BasketLine[], action: Action): readonly BasketLine[] {
  switch (action.type) {
    case 'add': {
      const present = lines.find(({ productId }) => productId === action.line.productId);
      if (!present) return [...lines, { ...action.line, quantity: 1 }];
      return lines.map((line) => (line === present ? { ...line, quantity: line.quantity + 1 } : line));
    }
    case 'set':
      return lines
        .map((line) => (line.productId === action.productId ? { ...line, quantity: action.quantity } : line))
        .filter(({ quantity }) => quantity > 0);
    case 'empty':
      return [];
  }
}

const keyOf = (owner: string) => `basket of ${owner}`;

/** Somebody's basket leaves no trace in a page that they have left. */
export const forgetBasket = (owner: string): void => sessionStorage.removeItem(keyOf(owner));

/** Somebody's basket in this tab, kept over a reload. The server knows nothing of it until it is ordered. */
export function useBasket(owner: string) {
  const key = keyOf(owner);
  const [lines, dispatch] = useReducer(reduce, undefined, () => JSON.parse(sessionStorage.getItem(key) ?? '[]'));
  useEffect(() => sessionStorage.setItem(key, JSON.stringify(lines)), [key, lines]);
  return {
    lines,
    add: ({ id: productId, name, price }: { id: string; name: string; price: BasketLine['price'] }) =>
      dispatch({ type: 'add', line: { productId, name, price } }),
    set: (productId: string, quantity: number) => dispatch({ type: 'set', productId, quantity }),
    empty: () => dispatch({ type: 'empty' }),
  };
}

export type BasketActions = ReturnType<typeof useBasket>;
