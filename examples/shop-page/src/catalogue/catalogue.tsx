import { useDeferredValue, useState } from 'react';
import { usePerson } from '../api/client.ts';
import './catalogue.css';
import { useLive } from '../api/use-live.ts';
import { graphql } from '../gql/gql.ts';
import type { LiveCatalogueSubscription } from '../gql/graphql.ts';
import { Failure } from '../parts/failure.tsx';
import { Heading } from '../parts/heading.tsx';
import { Money } from '../parts/money.tsx';
import { Basket, ToBasket } from './basket.tsx';
import { type BasketActions, useBasket } from './use-basket.ts';

const LIVE_CATALOGUE = graphql(`
  subscription LiveCatalogue($search: String, $after: ConsistencyToken) {
    live(after: $after) {
      products(first: 24, filter: { search: $search }, sort: NAME_ASC) {
        nodes {
          id
          name
          sku
          available
          price {
            amount
            currency
          }
          version
        }
      }
    }
  }
`);

type Product = NonNullable<LiveCatalogueSubscription['live']['products']>['nodes'][number];

/** What there is to buy, with the stock as it is now, and the basket beside it. */
export function Catalogue() {
  const person = usePerson();
  const [search, setSearch] = useState('');
  const { view, error } = useLive(LIVE_CATALOGUE, { search: useDeferredValue(search.trim()) || null });
  const basket = useBasket(person?.id ?? 'nobody');
  const products = view?.products?.nodes;
  const isCustomer = person?.role === 'customer';
  return (
    <div className={isCustomer ? 'with-side' : undefined}>
      <section>
        <Heading>Catalogue</Heading>
        <label className="field">
          <span>Search</span>
          <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
        </label>
        <Failure>{error?.message}</Failure>
        {products?.length === 0 && <p className="empty">Nothing is called that.</p>}
        <ul className="products">
          {products?.map((product) => (
            <ProductCard key={product.id} product={product} {...(isCustomer && { basket })} />
          ))}
        </ul>
        {isCustomer && <ToBasket basket={basket} />}
        {!person && <p className="hint">Sign in as a customer to order.</p>}
      </section>
      {isCustomer && <Basket customerId={person.id} basket={basket} />}
    </div>
  );
}

function ProductCard({ product, basket }: { readonly product: Product; readonly basket?: BasketActions }) {
  const { name, sku, price, available } = product;
  return (
    <li className="card">
      <h2>{name}</h2>
      <p className="quiet">{sku}</p>
      <p>
        <Money of={price} />
      </p>
      <p className={available > 0 ? 'quiet' : 'is-warning'}>{available > 0 ? `${available} in stock` : 'Sold out'}</p>
      {basket && (
        <button type="button" disabled={available <= 0} onClick={() => basket.add(product)}>
          Add<span className="visually-hidden"> {name} to the basket</span>
        </button>
      )}
    </li>
  );
}
