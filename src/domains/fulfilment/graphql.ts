import type { Api } from '../../graphql/index.ts';
import { FULFILMENT_STATES, type FulfilmentStep, fulfilments, MAX_STEPS } from './read-models.ts';

const MEANING = {
  RESERVING_STOCK: 'Stock is being reserved for every item.',
  AUTHORIZING_PAYMENT: 'The payment gateway is being asked to authorise the total.',
  CONFIRMED: 'The order is confirmed, its stock reserved and its payment authorised: it can be shipped.',
  COMPENSATING: 'A step has failed or the order was cancelled; completed steps are being compensated.',
  FAILED: 'Nothing more happens, and everything that could be compensated is; `failure` says why.',
  COMPLETED: 'The order was shipped and the payment taken.',
} as const;

export function fulfilmentGraphql(api: Api): void {
  const { builder } = api;

  const State = builder.enumType('FulfilmentState', {
    description: 'The state of a fulfilment.',
    values: Object.fromEntries(FULFILMENT_STATES.map((state) => [state, { description: MEANING[state] }] as const)) as {
      [S in (typeof FULFILMENT_STATES)[number]]: { description: string };
    },
  });
  const Step = builder.objectRef<FulfilmentStep>('FulfilmentStep').implement({
    description: 'A completed step for an order.',
    fields: (t) => ({
      name: t.exposeString('name', {
        description: `What. On the way: ORDER_PLACED, ITEMS_CHANGED, STOCK_RESERVED, PAYMENT_AUTHORIZED, ORDER_CONFIRMED, ORDER_SHIPPED,
STOCK_SHIPPED, PAYMENT_CAPTURED. What failed: STOCK_REFUSED, PAYMENT_REFUSED, CONFIRMATION_REFUSED, CAPTURE_REFUSED. What was done
about it: ORDER_CANCELLED, PAYMENT_VOIDED, PAYMENT_REFUNDED, PAYMENT_KEPT, STOCK_RELEASED. There may be more in future.`,
      }),
      at: t.field({ type: 'DateTime', description: 'When.', resolve: ({ at }) => new Date(at) }),
    }),
  });
  const Fulfilment = api.readModel('Fulfilment', fulfilments, {
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
