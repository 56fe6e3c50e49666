import type { OrderStatus } from '../gql/graphql.ts';

export const STATUSES: readonly OrderStatus[] = ['PLACED', 'CONFIRMED', 'SHIPPED', 'DELIVERED', 'CANCELLED'];

export const statusName = (status: OrderStatus): string => status.toLowerCase();

export function Status({ of: status }: { readonly of: OrderStatus }) {
  return <span className={`badge is-${statusName(status)}`}>{statusName(status)}</span>;
}
