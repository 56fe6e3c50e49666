import { Customer, CustomerRegistered } from '../../../src/domains/customers/customer.ts';
import {
  Order,
  OrderCancelled,
  OrderConfirmed,
  OrderDelivered,
  OrderPlaced,
  OrderShipped,
} from '../../../src/domains/orders/order.ts';
import { type OrderItem, withItem } from '../../../src/domains/orders/order-items.ts';
import { Product, ProductRegistered } from '../../../src/domains/products/product.ts';
import { type Given, given } from '../../../src/kernel/testing/given.ts';
import { ADA, HOME, LAMP, lamp, MUG, mug } from '../fixtures.ts';

const ada = CustomerRegistered({ name: 'Ada', email: 'ada@example.com' });

/** A shop with Ada, a lamp and a mug, at these prices. */
export function inShop(
  history: Parameters<typeof given<unknown, typeof Order.events>>[1] = [],
  prices = PRICES,
): Given {
  return given(Order, history)
    .and(Customer, ADA, [ada])
    .and(Product, LAMP, [ProductRegistered({ sku: 'LAMP-1', name: 'Desk Lamp', price: prices.lamp })])
    .and(Product, MUG, [ProductRegistered({ sku: 'MUG-7', name: 'Blue Mug', price: prices.mug })]);
}

export const PRICES = { lamp: lamp().unitPrice, mug: mug().unitPrice };

export const placed = (...items: OrderItem[]) =>
  OrderPlaced({
    customerId: ADA,
    items: items.reduce<OrderItem[]>(withItem, []),
    shippingAddress: HOME,
    fulfilled: 'HERE',
    paymentMethod: 'tok_ok',
  });

const confirmed = OrderConfirmed({});
const shipped = OrderShipped({ carrier: 'Royal Mail', trackingNumber: 'RM-123-GB' });
const cancelled = OrderCancelled({ reason: 'Changed my mind.' });

/** An order of a lamp and a mug in each of its statuses. */
export const IN_STATUS = {
  PLACED: [placed(lamp(), mug())],
  CONFIRMED: [placed(lamp(), mug()), confirmed],
  SHIPPED: [placed(lamp(), mug()), confirmed, shipped],
  DELIVERED: [placed(lamp(), mug()), confirmed, shipped, OrderDelivered({})],
  CANCELLED: [placed(lamp(), mug()), cancelled],
};
