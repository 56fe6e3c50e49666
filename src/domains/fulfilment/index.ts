import { defineDomain } from '../../index.ts';
import { Fulfilment } from './fulfilment.ts';
import { fulfilmentGraphql } from './graphql.ts';
import { Payment } from './payment.ts';
import { PaymentCalls } from './payment-calls.ts';
import { fulfilments } from './read-models.ts';

export { Fulfilment } from './fulfilment.ts';
export { Payment } from './payment.ts';
export { PaymentCalls } from './payment-calls.ts';
export {
  type Authorization,
  type Capture,
  type Declined,
  type Lookup,
  type NoAnswer,
  type PaymentGateway,
  paymentGateway,
  type Refund,
  type Uncertain,
  type Voiding,
} from './payment-gateway.ts';
export { fulfilments } from './read-models.ts';

export const fulfilmentDomain = defineDomain({
  name: 'fulfilment',
  aggregates: [Payment],
  commands: [],
  projections: [fulfilments],
  processes: [Fulfilment],
  effects: [PaymentCalls],
  graphql: fulfilmentGraphql,
});
