import { and, count, eq, gte, inArray, lt, or, type SQL, sql, sum } from 'drizzle-orm';
import type { Api } from '../../graphql/index.ts';
import { containsText } from '../../index.ts';
import { customers } from '../customers/index.ts';
import { products } from '../products/index.ts';
import { valueTypes } from '../shared/graphql.ts';
import { ORDER_STATUSES, type OrderStatus } from './order.ts';
import type { OrderItem } from './order-items.ts';
import { orders, ordersTable } from './read-models.ts';

/** For an order of a hundred lines; most are far smaller. */
const ORDER_BYTES = 20_000;

const SORTS = {
  PLACED_AT_DESC: { sortBy: ordersTable.placedAt, direction: 'desc' },
  PLACED_AT_ASC: { sortBy: ordersTable.placedAt, direction: 'asc' },
  TOTAL_DESC: { sortBy: ordersTable.total, direction: 'desc' },
} as const;

interface OrderFilterInput {
  readonly status?: readonly OrderStatus[] | null | undefined;
  readonly customerId?: string | null | undefined;
  readonly placedFrom?: Date | null | undefined;
  readonly placedBefore?: Date | null | undefined;
  readonly search?: string | null | undefined;
}

export function ordersGraphql(api: Api): void {
  const Status = orderStatus(api);
  const Order = orderType(api, Status, orderItem(api));
  const OrderConnection = orderConnection(api, Order);
  addOrder(api, Order);
  addOrders(api, OrderConnection, Status);
  addOrdersOfCustomer(api, OrderConnection);
  addStatistics(api, Status);
}

type StatusType = ReturnType<typeof orderStatus>;
type OrderType = ReturnType<typeof orderType>;
type OrderConnectionType = ReturnType<typeof orderConnection>;

function orderStatus({ builder }: Api) {
  return builder.enumType('OrderStatus', {
    description: 'The state of an order.',
    values: {
      PLACED: { description: 'The customer has ordered; items may still change.' },
      CONFIRMED: { description: 'Accepted; the items stay as they are.' },
      SHIPPED: { description: 'Handed to a carrier.' },
      DELIVERED: { description: 'Arrived.' },
      CANCELLED: { description: 'Cancelled.' },
    } as const,
  });
}

function orderItem(api: Api) {
  const { builder } = api;
  const { Money } = valueTypes(api);
  const Product = api.typeOf(products);
  return builder.objectRef<OrderItem>('OrderItem').implement({
    description: 'A line of an order.',
    fields: (t) => ({
      product: t.field({
        type: Product.ref,
        nullable: true,
        description: 'The product as it is now; null if you can no longer see it.',
        resolve: ({ productId }, _, { rows }, info) => rows.byKey(products, productId, info),
      }),
      unitPrice: t.field({
        type: Money,
        description: "The product's price when it was ordered.",
        resolve: ({ unitPrice }) => unitPrice,
      }),
      quantity: t.exposeInt('quantity', { description: 'How many of it.' }),
      lineTotal: t.field({
        type: Money,
        description: 'Quantity times unit price.',
        resolve: ({ quantity, unitPrice: { amount, currency } }) => ({ amount: quantity * amount, currency }),
      }),
    }),
  });
}

function orderType(api: Api, Status: StatusType, Item: ReturnType<typeof orderItem>) {
  const { Money, Address } = valueTypes(api);
  const Customer = api.typeOf(customers);
  return api.readModel('Order', orders, {
    node: true,
    description: 'An order of a customer.',
    bytes: ORDER_BYTES,
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      status: t.expose('status', { type: Status, description: 'The state.' }),
      customer: t.field({
        type: Customer.ref,
        nullable: true,
        description: 'The customer; null if you may not see them.',
        extensions: api.columns(orders, 'customerId'),
        resolve: ({ customerId }, _, { rows }, info) => rows.byKey(customers, customerId, info),
      }),
      items: t.field({
        type: [Item],
        description: 'Its lines.',
        extensions: api.columns(orders, 'items'),
        resolve: ({ items }) => [...items],
      }),
      itemCount: t.exposeInt('itemCount', { description: 'How many pieces: the sum of the quantities.' }),
      total: t.field({
        type: Money,
        description: 'The total of its lines.',
        extensions: api.columns(orders, 'total', 'currency'),
        resolve: ({ total, currency }) => ({ amount: total, currency }),
      }),
      shippingAddress: t.expose('shippingAddress', { type: Address, description: 'The destination.' }),
      carrier: t.exposeString('carrier', { nullable: true, description: 'The carrier; null until it is shipped.' }),
      trackingNumber: t.exposeString('trackingNumber', {
        nullable: true,
        description: "The carrier's tracking number; null until it is shipped.",
      }),
      cancellationReason: t.exposeString('cancellationReason', {
        nullable: true,
        description: 'Why it was cancelled; null if it was not.',
      }),
      placedAt: t.expose('placedAt', { type: 'DateTime', description: 'When it was placed.' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });
}

function orderConnection(api: Api, Order: OrderType) {
  return api.connection('Order', Order);
}

/** One order: now, as it was, and as it changes. */
function addOrder(api: Api, Order: OrderType): void {
  api.queryByKey('order', Order, 'An order; null if there is none that you may see.');
  const OrderVersion = api.versions('OrderVersion', Order, {
    id: 'orderId',
    description: `An order as it was from \`validFrom\` until \`validUntil\`. The customer and the products that it leads to are as they are
now.`,
  });
  api.queryAsOf(
    'orderAsOf',
    OrderVersion,
    `The order as it was at that time, or at that version; exactly one of the two. Null before it was placed, and if there is none
that you may see. The customer and the products that it leads to are as they are now.`,
  );
  api.subscriptionToRow('orderUpdated', Order, 'The order now, and again each time its read model changes.');
}

/** The list of orders, with its filter and its sort order. */
function addOrders(api: Api, OrderConnection: OrderConnectionType, Status: StatusType): void {
  const { builder } = api;
  const OrderFilter = builder.inputType('OrderFilter', {
    description: 'Filters orders; all given conditions must hold.',
    fields: (t) => ({
      status: t.field({ type: [Status], description: 'Orders in one of these states.' }),
      customerId: t.id({ description: "This customer's." }),
      placedFrom: t.field({ type: 'DateTime', description: 'Placed at this instant or later.' }),
      placedBefore: t.field({ type: 'DateTime', description: 'Placed before this instant.' }),
      search: t.string({
        description: `All of these words, in any case and also within longer words, occur in the order: in the stock codes and
names of its items, the carrier, the tracking number, its id, or its customer's name and e-mail address.`,
      }),
    }),
  });
  const OrderSort = builder.enumType('OrderSort', {
    description: 'A sort order of orders; equal ones are sorted by id.',
    values: {
      PLACED_AT_DESC: { description: 'Newest first.' },
      PLACED_AT_ASC: { description: 'Oldest first.' },
      TOTAL_DESC: { description: 'Largest first, whatever the currency.' },
    } as const,
  });
  builder.queryField('orders', (t) =>
    t.field({
      type: OrderConnection,
      description: 'Orders that you may see.',
      // The search also reads customers.
      extensions: api.readsFrom(orders, customers),
      args: {
        ...api.pageArguments(t),
        filter: t.arg({ type: OrderFilter, description: 'Only these.' }),
        sort: t.arg({ type: OrderSort, description: 'PLACED_AT_DESC by default.' }),
      },
      resolve: (_, { filter, sort, ...args }, { rows }, info) => {
        const where = conditions(filter ?? {}, api);
        return rows.page(orders, { args, ...SORTS[sort ?? 'PLACED_AT_DESC'], where, info });
      },
    }),
  );
}

function addOrdersOfCustomer(api: Api, OrderConnection: OrderConnectionType): void {
  api.builder.objectField(api.typeOf(customers).ref, 'orders', (t) =>
    t.field({
      type: OrderConnection,
      description: "The customer's orders, newest first.",
      args: api.pageArguments(t),
      resolve: ({ id }, args, { rows }, info) =>
        rows.pageWhere(orders, ordersTable.customerId, id, { args, ...SORTS.PLACED_AT_DESC, info }),
    }),
  );
}

function addStatistics(api: Api, Status: StatusType): void {
  const { builder } = api;
  const { Money } = valueTypes(api);
  const Statistics = builder
    .objectRef<{ status: OrderStatus; count: number; revenue: { amount: number; currency: string } }>('OrderStatistics')
    .implement({
      description: 'The orders in one state, in one currency.',
      extensions: api.readsFrom(orders),
      fields: (t) => ({
        status: t.field({ type: Status, description: 'The state.', resolve: ({ status }) => status }),
        count: t.exposeInt('count', { description: 'How many orders are in it.' }),
        revenue: t.field({ type: Money, description: 'The total of the orders.', resolve: ({ revenue }) => revenue }),
      }),
    });
  builder.queryField('orderStatistics', (t) =>
    t.field({
      type: [Statistics],
      description: 'Orders and revenue by status, for one currency. A state without orders is omitted.',
      args: { currency: t.arg.string({ required: true, description: 'ISO 4217 code.' }) },
      resolve: async (_, { currency: text }, { rows }) => {
        const currency = api.storableText(text, 'A currency');
        const found = await rows.db
          .select({ status: ordersTable.status, count: count(), amount: sum(ordersTable.total).mapWith(Number) })
          .from(ordersTable)
          .where(and(eq(ordersTable.currency, currency), rows.visible(orders)))
          .groupBy(ordersTable.status)
          .prepare('order_statistics')
          .execute();
        if (found.some(({ amount }) => amount > Number.MAX_SAFE_INTEGER)) {
          api.refuse(`The revenue in ${currency} is more than can be told exactly.`);
        }
        return found
          .map(({ status, count: orderCount, amount }) => ({
            status,
            count: orderCount,
            revenue: { amount, currency },
          }))
          .sort((a, b) => ORDER_STATUSES.indexOf(a.status) - ORDER_STATUSES.indexOf(b.status));
      },
    }),
  );
}

function conditions(filter: OrderFilterInput, api: Api): (SQL | undefined)[] {
  const { status, customerId, placedFrom, placedBefore, search } = filter;
  return [
    status ? inArray(ordersTable.status, [...new Set(status)]) : undefined,
    customerId != null ? eq(ordersTable.customerId, api.keyFor(customers, customerId)) : undefined,
    placedFrom ? gte(ordersTable.placedAt, placedFrom) : undefined,
    placedBefore ? lt(ordersTable.placedAt, placedBefore) : undefined,
    ...api.searchWords(search).map(contains),
  ];
}

function contains(word: string): SQL | undefined {
  return or(
    containsText(ordersTable.searchText, word),
    containsText(sql`${ordersTable.id}::text`, word),
    // By the customer's present name: an order that was placed before a change is found by the new one.
    sql`exists (select from ${customers.table} where ${customers.table.id} = ${ordersTable.customerId}
                and ${containsText(customers.table.searchText, word)})`,
  );
}
