import { Customer, registerCustomer, renameCustomer } from '../domains/customers/customer.ts';
import { customers } from '../domains/customers/read-models.ts';
import * as order from '../domains/orders/order.ts';
import { orders } from '../domains/orders/read-models.ts';
import { changeProductPrice, Product, receiveStock, registerProduct } from '../domains/products/product.ts';
import { products } from '../domains/products/read-models.ts';
import type { Domain } from '../kernel/define/domain.ts';

/** The domains without their part of the API, which no command needs. */
export const domains: readonly Domain[] = [
  {
    name: 'customers',
    aggregates: [Customer],
    commands: [registerCustomer, renameCustomer],
    projections: [customers],
    graphql: undefined,
  },
  {
    name: 'products',
    aggregates: [Product],
    commands: [registerProduct, changeProductPrice, receiveStock],
    projections: [products],
    graphql: undefined,
  },
  {
    name: 'orders',
    aggregates: [order.Order],
    commands: [order.placeOrder, order.addOrderItem, order.confirmOrder],
    projections: [orders],
    graphql: undefined,
  },
];
