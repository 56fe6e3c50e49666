import type { Api } from '../../graphql/index.ts';
import { describedValues } from '../shared/graphql.ts';
import {
  type FulfilmentState,
  type FulfilmentStep,
  type FulfilmentStepName,
  fulfilments,
  MAX_STEPS,
} from './read-models.ts';

const MEANING: Readonly<Record<FulfilmentState, string>> = {
  RESERVING_STOCK: 'Stock is being reserved for every item.',
  AUTHORIZING_PAYMENT: 'The payment gateway is being asked to authorise the total.',
  CONFIRMED: 'The order is confirmed, its stock reserved and its payment authorised: it can be shipped.',
  COMPENSATING: 'A step has failed or the order was cancelled; completed steps are being compensated.',
  FAILED: 'Nothing more happens, and everything that could be compensated is; `failure` says why.',
  COMPLETED: 'The order was shipped and the payment taken.',
};

const STEP_MEANING: Readonly<Record<FulfilmentStepName, string>> = {
  ORDER_PLACED: 'The order was placed.',
  ITEMS_CHANGED: 'Its items were changed, so that stock is reserved again.',
  STOCK_RESERVED: 'Stock was reserved for every item.',
  PAYMENT_AUTHORIZED: 'The payment gateway authorised the total.',
  ORDER_CONFIRMED: 'The order was confirmed.',
  ORDER_SHIPPED: 'The order was shipped.',
  STOCK_SHIPPED: 'The reserved stock left the warehouse.',
  PAYMENT_CAPTURED: 'The payment was taken.',
  STOCK_REFUSED: 'It failed: there was not enough stock.',
  PAYMENT_REFUSED: 'It failed: the payment was not authorised.',
  CONFIRMATION_REFUSED: 'It failed: the order could not be confirmed.',
  CAPTURE_REFUSED: 'It failed: the payment could not be taken.',
  ORDER_CANCELLED: 'The order was cancelled.',
  PAYMENT_VOIDED: 'The authorisation of the payment was given back.',
  PAYMENT_REFUNDED: 'The payment was given back.',
  PAYMENT_KEPT: 'The payment could not be given back.',
  STOCK_RELEASED: 'The reserved stock was released.',
};

export function fulfilmentGraphql(api: Api): void {
  const { builder } = api;

  const State = builder.enumType('FulfilmentState', {
    description: 'The state of a fulfilment.',
    values: describedValues(MEANING),
  });
  const StepName = builder.enumType('FulfilmentStepName', {
    description: 'A step of a fulfilment. There may be more in future.',
    values: describedValues(STEP_MEANING),
  });
  const Step = builder.objectRef<FulfilmentStep>('FulfilmentStep').implement({
    description: 'A completed step for an order.',
    fields: (t) => ({
      name: t.expose('name', { type: StepName, description: 'What was done.' }),
      at: t.field({ type: 'DateTime', description: 'When.', resolve: ({ at }) => new Date(at) }),
    }),
  });
  const Fulfilment = api.readModel('Fulfilment', fulfilments, {
    ownId: true,
    description: 'How an order is processed automatically, from placing to payment.',
    fields: (t) => ({
      orderId: t.exposeID('orderId', { description: 'The order.' }),
      state: t.field({ type: State, description: 'The state.', resolve: ({ state }) => state }),
      steps: t.field({
        type: [Step],
        description: `The completed steps in order: the first and the newest, at most ${MAX_STEPS}.`,
        resolve: ({ steps }) => [...steps],
      }),
      failure: t.exposeString('failure', {
        nullable: true,
        description: 'Why it fails or has failed, as a sentence. Null if all is well.',
      }),
    }),
  });
  const order = { name: 'orderId', description: 'The order.' };
  api.queryByKey(
    'fulfilment',
    Fulfilment,
    `The processing of an order. Null if there is no such order that you may see, and if it is fulfilled elsewhere, as imported
orders are. With the token of \`placeOrder\` it exists; later steps come after that token, so read again, or watch
\`fulfilmentUpdated\`.`,
    order,
  );
  api.subscriptionToRow(
    'fulfilmentUpdated',
    Fulfilment,
    'The processing of an order now, and again each time its read model changes.',
    order,
  );
}
