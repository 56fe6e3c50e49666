import { useSyncExternalStore } from 'react';

/** What the page shows: `#/`, `#/orders` or `#/orders/ID`. */
export type Route =
  | { readonly name: 'catalogue' }
  | { readonly name: 'orders' }
  | { readonly name: 'order'; readonly id: string };

export const hrefOf = (route: Route): string =>
  route.name === 'catalogue' ? '#/' : route.name === 'orders' ? '#/orders' : `#/orders/${route.id}`;

export const goTo = (route: Route): void => {
  location.hash = hrefOf(route);
};

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const [, section, id] = hash.split('/');
  if (section !== 'orders') return { name: 'catalogue' };
  return id ? { name: 'order', id } : { name: 'orders' };
}

const subscribe = (listener: () => void) => {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
};
