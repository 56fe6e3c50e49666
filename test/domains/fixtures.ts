import type { PgTable } from 'drizzle-orm/pg-core';
import type { OrderItem } from '../../src/domains/orders/order-items.ts';
import { visibilityFor } from '../../src/graphql/read/visibility.ts';
import type { Actor } from '../../src/kernel/define/access/actor.ts';
import type { Projection } from '../../src/kernel/define/read-model/projection.ts';

/** A UUID that is the same in each run. */
export const uuid = (n: number) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

export const ADA = uuid(1);
export const BOB = uuid(2);
export const LAMP = uuid(11);
export const MUG = uuid(12);
export const ORDER = uuid(21);

export const customer = (id: string): Actor => ({ id, roles: ['customer'], claims: {} });
export const STAFF: Actor = { id: 'clerk', roles: ['staff'], claims: {}, power: 'observe' };
export const ADMIN: Actor = { id: 'root', roles: ['admin'], claims: {}, power: 'everything' };

export const gbp = (amount: number) => ({ amount, currency: 'GBP' });
export const eur = (amount: number) => ({ amount, currency: 'EUR' });

export const lamp = (quantity = 1, unitPrice = gbp(2500)): OrderItem => ({
  productId: LAMP,
  sku: 'LAMP-1',
  name: 'Desk Lamp',
  quantity,
  unitPrice,
});
export const mug = (quantity = 1, unitPrice = gbp(850)): OrderItem => ({
  productId: MUG,
  sku: 'MUG-7',
  name: 'Blue Mug',
  quantity,
  unitPrice,
});

export const HOME = { line1: '12 Mill Lane', line2: null, city: 'Leeds', postalCode: 'LS1 4AP', country: 'GB' };

/** Which rows of a read model the actor may see. */
export const visibilityOf = <Table extends PgTable>(projection: Projection<Table>, actor: Actor) =>
  visibilityFor(projection as unknown as Projection, actor);
