import type { Api } from '../../graphql/index.ts';
import { FULFILMENT_STATES, type FulfilmentStep, fulfilments, MAX_STEPS } from './read-models.ts';

const MEANING = {
  RESERVING_STOCK: 'Stock is being set aside for every item.',
  AUTHORIZING_PAYMENT: 'The payment gateway is being asked to set the total aside.',
  CONFIRMED: 'The order is confirmed, its stock reserved and its payment authorised: it can be shipped.',
  COMPENSATING: 'A step has failed or the order was cancelled; what was done is being taken back.',
  FAILED: 'Nothing more happens, and what could be taken back is; `failure` says why.',
  COMPLETED: 'The order was shipped and the payment taken.',
} as const;

export function fulfilmentGraphql(api: Api): void {
  const { builder } = api;

  const State = builder.enumType('FulfilmentState', {
    description: 'How far a fulfilment is.',
    values: Object.fromEntries(FULFILMENT_STATES.map((state) => [state, { description: MEANING[state] }] as const)) as {
      [S in (typeof FULFILMENT_STATES)[number]]: { description: string };
    },
  });
  const Step = builder.objectRef<FulfilmentStep>('FulfilmentStep').implement({
    description: 'Something that was done for an order.',
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
    description: 'How an order goes on by itself, from being placed to being paid.',
    fields: (t) => ({
      orderId: t.exposeID('orderId', { description: 'The order.' }),
      state: t.field({ type: State, description: 'How far it is.', resolve: ({ state }) => state }),
      steps: t.field({
        type: [Step],
        description: `What was done, in the order in which it was: the first step and the newest, ${MAX_STEPS} in all at most.`,
        resolve: ({ steps }) => [...steps],
      }),
      failure: t.exposeString('failure', {
        nullable: true,
        description: 'Why it fails or has failed, in words. Null where all is well.',
      }),
    }),
  });
  builder.queryField('fulfilment', (t) =>
    t.field({
      type: Fulfilment.ref,
      nullable: true,
      description: `How an order goes on. Null where there is no such order that you may see, and where it is fulfilled elsewhere, as
imported orders are. With the token of \`placeOrder\` it is there at once; what follows comes after that token, so look again, or
watch \`orderUpdated\`.`,
      args: { orderId: t.arg.id({ required: true, description: 'The order.' }) },
      resolve: (_, { orderId }, { rows }) => rows.byKey(fulfilments, orderId),
    }),
  );
}
