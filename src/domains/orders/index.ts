import { defineDomain } from '../../index.ts';
import { ordersGraphql } from './graphql.ts';
import {
  addOrderItem,
  cancelOrder,
  confirmDelivery,
  confirmOrder,
  Order,
  placeOrder,
  removeOrderItem,
  shipOrder,
} from './order.ts';
import { orders } from './read-models.ts';

export {
  addOrderItem,
  cancelOrder,
  confirmDelivery,
  confirmOrder,
  Order,
  OrderCancelled,
  OrderConfirmed,
  OrderItemAdded,
  OrderItemRemoved,
  OrderPlaced,
  OrderShipped,
  placeOrder,
  removeOrderItem,
  shipOrder,
} from './order.ts';
export { confirmPaidOrder, recordOrder } from './order-fulfilment.ts';
export { OrderItem, totalOf, withItem, withoutItem } from './order-items.ts';
export { orders } from './read-models.ts';

export const ordersDomain = defineDomain({
  name: 'orders',
  aggregates: [Order],
  commands: [placeOrder, addOrderItem, removeOrderItem, confirmOrder, shipOrder, confirmDelivery, cancelOrder],
  projections: [orders],
  graphql: ordersGraphql,
});
