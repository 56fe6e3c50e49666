import { accountsDomain } from './accounts/index.ts';
import { customersDomain } from './customers/index.ts';
import { ordersDomain } from './orders/index.ts';
import { productsDomain } from './products/index.ts';

/** Every domain of the application. One whose types another leads to comes before it. */
export const domains = [customersDomain, productsDomain, ordersDomain, accountsDomain];
