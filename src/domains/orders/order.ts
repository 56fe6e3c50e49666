import { z } from 'zod';
import {
  type Allow,
  type DataOf,
  defineAggregate,
  defineCommand,
  defineEvent,
  type Load,
  personal,
  type Rejection,
  reject,
} from '../../index.ts';
import { Customer } from '../customers/index.ts';
import { Address, AddressInput } from '../shared/address.ts';
import { Id, id, newId, quantity, text } from '../shared/fields.ts';
import { customer } from '../shared/person.ts';
import { MAX_LINES, OrderItem, offer, refuseItems, withItem, withItems, withoutItem } from './order-items.ts';

/**
 * Who handles an order's stock and payment. HERE: the fulfilment. ELSEWHERE: they were settled before the order came
 * here, as with imported orders: nothing is reserved or paid.
 */
export const FULFILLED = ['HERE', 'ELSEWHERE'] as const;

export const OrderPlaced = defineEvent('OrderPlaced', {
  version: 2,
  data: z.object({
    customerId: Id,
    items: z.array(OrderItem).min(1),
    shippingAddress: Address,
    fulfilled: z.enum(FULFILLED),
    /** The payment gateway's token for the payment method; null if the order is not paid here. */
    paymentMethod: personal(z.string()).nullable(),
  }),
  // There was no fulfilment in version 1: people handled it.
  upcast: { 1: (old) => ({ ...old, fulfilled: 'ELSEWHERE', paymentMethod: null }) },
});
export const OrderItemAdded = defineEvent('OrderItemAdded', { data: OrderItem });
export const OrderItemRemoved = defineEvent('OrderItemRemoved', { data: z.object({ productId: Id }) });
export const OrderConfirmed = defineEvent('OrderConfirmed', { data: z.object({}) });
export const OrderShipped = defineEvent('OrderShipped', {
  data: z.object({ carrier: personal(z.string()), trackingNumber: personal(z.string()) }),
});
export const OrderDelivered = defineEvent('OrderDelivered', { data: z.object({}) });
export const OrderCancelled = defineEvent('OrderCancelled', { data: z.object({ reason: personal(z.string()) }) });

export const ORDER_STATUSES = ['PLACED', 'CONFIRMED', 'SHIPPED', 'DELIVERED', 'CANCELLED'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export interface OrderState {
  readonly status: OrderStatus | 'NONE';
  readonly customerId: string;
  readonly items: readonly OrderItem[];
  /** 1 when the order is placed, plus one for each change of its items. */
  readonly revision: number;
  readonly paymentMethod: string | null;
}

export const Order = defineAggregate('Order', {
  description: 'An order of a customer, from placing to delivery.',
  visibleTo: { staff: 'all', system: 'all', customer: (actor, order) => order.customerId === actor.id },
  subject: ({ customerId }) => customer(customerId),
  initialState: (): OrderState => ({ status: 'NONE', customerId: '', items: [], revision: 0, paymentMethod: null }),
  snapshot: { stateVersion: 2 },
  events: {
    OrderPlaced,
    OrderItemAdded,
    OrderItemRemoved,
    OrderConfirmed,
    OrderShipped,
    OrderDelivered,
    OrderCancelled,
  },
  evolve: {
    OrderPlaced: (_, { data: { customerId, items, paymentMethod } }) => ({
      status: 'PLACED',
      customerId,
      items,
      revision: 1,
      paymentMethod,
    }),
    OrderItemAdded: (order, { data }) => changed(order, withItem(order.items, data)),
    OrderItemRemoved: (order, { data }) => changed(order, withoutItem(order.items, data.productId)),
    OrderConfirmed: (order) => ({ ...order, status: 'CONFIRMED' }),
    OrderShipped: (order) => ({ ...order, status: 'SHIPPED' }),
    OrderDelivered: (order) => ({ ...order, status: 'DELIVERED' }),
    OrderCancelled: (order) => ({ ...order, status: 'CANCELLED' }),
  },
});

function changed(order: OrderState, items: readonly OrderItem[]): OrderState {
  return { ...order, items, revision: order.revision + 1 };
}

/** Rejections for an order that has not reached the required status yet. */
const TOO_EARLY: Partial<Record<OrderStatus, Rejection>> = {
  CONFIRMED: reject('ORDER_NOT_CONFIRMED', 'The order has not been confirmed yet; confirm it first.'),
  SHIPPED: reject('ORDER_NOT_SHIPPED', 'The order has not been shipped yet; ship it first.'),
};
/** Rejections for an order that is past the required status. */
const TOO_LATE: Partial<Record<OrderStatus, Rejection>> = {
  CONFIRMED: reject('ORDER_ALREADY_CONFIRMED', 'The order has been confirmed; it can only be shipped or cancelled.'),
  SHIPPED: reject('ORDER_ALREADY_SHIPPED', 'The order has been shipped; only its delivery can be confirmed.'),
  DELIVERED: reject('ORDER_ALREADY_DELIVERED', 'The order has been delivered; nothing more happens to it.'),
  CANCELLED: reject('ORDER_CANCELLED', 'The order was cancelled; nothing more happens to it.'),
};

/** Refuses if the order has none of these statuses, of which the first is the earliest. */
function refuseUnless(order: OrderState, ...allowed: readonly [OrderStatus, ...OrderStatus[]]): Rejection | undefined {
  const { status } = order;
  if (status === 'NONE' || allowed.includes(status)) return undefined;
  const [earliest] = allowed;
  const early = ORDER_STATUSES.indexOf(status) < ORDER_STATUSES.indexOf(earliest);
  return early ? TOO_EARLY[earliest] : TOO_LATE[status];
}

const orderId = id('The order.');
const productId = id('The product.');
const staffOrOwner: Allow<OrderState, unknown> = {
  staff: true,
  system: true,
  customer: (actor, _, order) => order.customerId === actor.id,
};

/** The gateway's token that is used if the customer names none. */
const USUAL_PAYMENT_METHOD = 'tok_ok';

/** Input of an order, from any source. */
export const PlacedInput = {
  id: newId(),
  customerId: id('Who orders.'),
  items: z
    .array(
      z
        .object({ productId, quantity: quantity('How many of it, 1 to 1,000,000.') })
        .meta({ id: 'OrderItemInput', description: 'A product and how many of it.' }),
    )
    .min(1, 'An order needs at least one item.')
    .max(MAX_LINES, 'An order has at most 1,000 lines.')
    .describe('The items: 1 to 1,000 lines, all in one currency.'),
  shippingAddress: AddressInput,
};
type PlacedItems = z.output<z.ZodObject<typeof PlacedInput>>;

/** The lines as they would be added to a customer's order now. */
export async function offerTo({ customerId, items }: PlacedItems, { load }: { readonly load: Load }) {
  if (await load(Customer, customerId)) return offer(items, load);
  return reject('CUSTOMER_NOT_FOUND', `There is no customer ${customerId}.`);
}

/** Places an order, unless it exists already or is not allowed. */
export function place(
  order: OrderState,
  { customerId, shippingAddress }: PlacedItems,
  offered: readonly OrderItem[],
  settled: Pick<DataOf<typeof OrderPlaced>, 'fulfilled' | 'paymentMethod'>,
) {
  if (order.status !== 'NONE') return reject('ORDER_ALREADY_PLACED', 'An order with this id was placed before.');
  const items = withItems([], offered);
  return refuseItems(items) ?? OrderPlaced({ customerId, items, shippingAddress, ...settled });
}

export const placeOrder = defineCommand('placeOrder', {
  description: `Places an order. The unit prices are the products’ at this moment; lines of the same product are joined.
The rest happens automatically, and \`fulfilment(orderId)\` shows the progress: stock is reserved for every item, the payment
is authorised, and the order is confirmed. If one of these fails, the order is cancelled with the reason.`,
  aggregate: Order,
  creates: true,
  input: z.object({
    ...PlacedInput,
    paymentMethod: z
      .string()
      .regex(/^[\w-]{1,200}$/, 'A payment method must be a token of the payment gateway: letters, digits, _ and -.')
      .nullish()
      .describe(
        'The payment method: the payment gateway’s token for it, such as tok_ok or tok_declined. Default: tok_ok.',
      ),
  }),
  id: (input) => input.id,
  allow: { staff: true, system: true, customer: (actor, input) => input.customerId === actor.id },
  gather: offerTo,
  decide: (order, input, offered) =>
    place(order, input, offered, {
      fulfilled: 'HERE',
      paymentMethod: input.paymentMethod ?? USUAL_PAYMENT_METHOD,
    }),
});

export const addOrderItem = defineCommand('addOrderItem', {
  description: 'Adds a product to an order that is not confirmed yet, at the product’s current price.',
  aggregate: Order,
  input: z.object({ orderId, productId, quantity: quantity('How many more of it, 1 to 1,000,000.') }),
  id: (input) => input.orderId,
  allow: staffOrOwner,
  gather: (input, { load }) => offer([input], load),
  decide: (order, _, offered) =>
    refuseUnless(order, 'PLACED') ??
    refuseItems(withItems(order.items, offered)) ??
    offered.map((item) => OrderItemAdded(item)),
});

export const removeOrderItem = defineCommand('removeOrderItem', {
  description: 'Removes a product from an order that is not confirmed yet: all of its lines, whatever their prices.',
  aggregate: Order,
  input: z.object({ orderId, productId }),
  id: (input) => input.orderId,
  allow: staffOrOwner,
  decide: (order, { productId }) => {
    const refusal = refuseUnless(order, 'PLACED');
    if (refusal) return refusal;
    const remaining = withoutItem(order.items, productId).length;
    if (remaining === order.items.length) {
      return reject('ITEM_NOT_ON_ORDER', `Product ${productId} is not on the order.`);
    }
    if (remaining === 0) {
      return reject('ORDER_WOULD_BE_EMPTY', 'This is all that is on the order; cancel the order instead.');
    }
    return OrderItemRemoved({ productId });
  },
});

const OrderInput = z.object({ orderId }).meta({ id: 'OrderInput', description: 'An order.' });

export const confirmOrder = defineCommand('confirmOrder', {
  description: `Accepts a placed order; from now on its items cannot change. The fulfilment does so automatically once stock and
payment are secured. If this command is faster, it accepts the order on trust, and the order is still cancelled if one of these fails. A
confirmed order stays confirmed.`,
  aggregate: Order,
  input: OrderInput,
  id: (input) => input.orderId,
  allow: ['staff', 'system'],
  decide: (order) => (order.status === 'CONFIRMED' ? [] : (refuseUnless(order, 'PLACED') ?? OrderConfirmed({}))),
});

export const shipOrder = defineCommand('shipOrder', {
  description: 'Hands a confirmed order to a carrier.',
  aggregate: Order,
  input: z.object({
    orderId,
    carrier: text('A carrier', 100, 'The carrier.'),
    trackingNumber: text('A tracking number', 100, "The carrier's tracking number."),
  }),
  id: (input) => input.orderId,
  allow: ['staff', 'system'],
  decide: (order, { carrier, trackingNumber }) =>
    refuseUnless(order, 'CONFIRMED') ?? OrderShipped({ carrier, trackingNumber }),
});

export const confirmDelivery = defineCommand('confirmDelivery', {
  description: 'Records that a shipped order has arrived.',
  aggregate: Order,
  input: OrderInput,
  id: (input) => input.orderId,
  allow: staffOrOwner,
  decide: (order) => refuseUnless(order, 'SHIPPED') ?? OrderDelivered({}),
});

export const cancelOrder = defineCommand('cancelOrder', {
  description: 'Cancels an order that has not been shipped.',
  aggregate: Order,
  input: z.object({ orderId, reason: text('A reason', 500, 'Why, in a sentence.') }),
  id: (input) => input.orderId,
  allow: staffOrOwner,
  decide: (order, { reason }) => refuseUnless(order, 'PLACED', 'CONFIRMED') ?? OrderCancelled({ reason }),
});
