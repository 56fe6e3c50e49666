import { accountsDomain } from './accounts/index.ts';
import { articlesDomain } from './articles/index.ts';
import { auditDomain } from './audit/index.ts';
import { customersDomain } from './customers/index.ts';
import { fulfilmentDomain } from './fulfilment/index.ts';
import { notesDomain } from './notes/index.ts';
import { ordersDomain } from './orders/index.ts';
import { productsDomain } from './products/index.ts';

/** Every domain of the application. If a type leads to a type of another domain, the other domain comes first. */
export const domains = [
  customersDomain,
  productsDomain,
  ordersDomain,
  fulfilmentDomain,
  accountsDomain,
  notesDomain,
  articlesDomain,
  auditDomain,
];
