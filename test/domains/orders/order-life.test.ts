import { describe, it } from 'vitest';
import {
  addOrderItem,
  cancelOrder,
  confirmDelivery,
  confirmOrder,
  OrderCancelled,
  OrderConfirmed,
  OrderDelivered,
  OrderItemAdded,
  OrderItemRemoved,
  OrderShipped,
  removeOrderItem,
  shipOrder,
} from '../../../src/domains/orders/order.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { Command } from '../../../src/kernel/define/command.ts';
import type { NewEvent } from '../../../src/kernel/define/event.ts';
import { ADA, ADMIN, BOB, customer, LAMP, lamp, ORDER, STAFF } from '../fixtures.ts';
import { IN_STATUS, inShop } from './shop.ts';

const parcel = { carrier: 'Royal Mail', trackingNumber: 'RM-123-GB' };
/**
 * The outcome for each status: `ok`, `nothing` if the command is accepted and changes nothing, or the code of the
 * rejection.
 */
type Answers = Record<keyof typeof IN_STATUS, string>;

interface Act {
  readonly command: Command;
  readonly input: Record<string, unknown>;
  readonly event: NewEvent;
  readonly answers: Answers;
  /** May the customer whose order it is? */
  readonly owner: boolean;
}

const LATE = {
  SHIPPED: 'ORDER_ALREADY_SHIPPED',
  DELIVERED: 'ORDER_ALREADY_DELIVERED',
  CANCELLED: 'ORDER_CANCELLED',
};
const ONLY_PLACED: Answers = { ...LATE, PLACED: 'ok', CONFIRMED: 'ORDER_ALREADY_CONFIRMED' };

const ACTS: readonly Act[] = [
  {
    command: addOrderItem,
    input: { orderId: ORDER, productId: LAMP, quantity: 1 },
    event: OrderItemAdded(lamp()),
    answers: ONLY_PLACED,
    owner: true,
  },
  {
    command: removeOrderItem,
    input: { orderId: ORDER, productId: LAMP },
    event: OrderItemRemoved({ productId: LAMP }),
    answers: ONLY_PLACED,
    owner: true,
  },
  {
    command: confirmOrder,
    input: { orderId: ORDER },
    event: OrderConfirmed({}),
    answers: { ...ONLY_PLACED, CONFIRMED: 'nothing' },
    owner: false,
  },
  {
    command: shipOrder,
    input: { orderId: ORDER, ...parcel },
    event: OrderShipped(parcel),
    answers: { ...LATE, PLACED: 'ORDER_NOT_CONFIRMED', CONFIRMED: 'ok' },
    owner: false,
  },
  {
    command: confirmDelivery,
    input: { orderId: ORDER },
    event: OrderDelivered({}),
    answers: { ...LATE, PLACED: 'ORDER_NOT_SHIPPED', CONFIRMED: 'ORDER_NOT_SHIPPED', SHIPPED: 'ok' },
    owner: true,
  },
  {
    command: cancelOrder,
    input: { orderId: ORDER, reason: ' Changed my mind. ' },
    event: OrderCancelled({ reason: 'Changed my mind.' }),
    answers: { ...LATE, PLACED: 'ok', CONFIRMED: 'ok' },
    owner: true,
  },
];

const STATUSES = Object.keys(IN_STATUS) as (keyof Answers)[];
const cases = ACTS.flatMap((act) =>
  STATUSES.map((status) => ({ ...act, name: act.command.name, status, answer: act.answers[status] })),
);

describe('the life of an order', () => {
  it.each(cases)(
    'answers $name of an order that is $status: $answer',
    async ({ command, input, status, answer, event }) => {
      const then = inShop(IN_STATUS[status]).when(command, input);
      if (answer === 'ok') await then.thenEvents(event);
      else if (answer === 'nothing') await then.thenEvents();
      else await then.thenRejected(answer);
    },
  );

  it.each(ACTS)('needs an order for $command.name', ({ command, input }) =>
    inShop().when(command, input).thenNotFound(),
  );

  it.each(ACTS)('needs an id for $command.name', async ({ command, input }) => {
    await inShop(IN_STATUS.PLACED)
      .when(command, { ...input, orderId: '42' })
      .thenInvalid('orderId');
  });

  it.each([
    [shipOrder, { carrier: ' ' }, 'carrier'],
    [shipOrder, { carrier: 'x'.repeat(101) }, 'carrier'],
    [shipOrder, { trackingNumber: '' }, 'trackingNumber'],
    [shipOrder, { trackingNumber: 'x'.repeat(101) }, 'trackingNumber'],
    [cancelOrder, { reason: '\n' }, 'reason'],
    [cancelOrder, { reason: 'x'.repeat(501) }, 'reason'],
  ] as [Command, object, string][])('$name refuses %j', async (command, bad, path) => {
    const input = { orderId: ORDER, ...parcel, reason: 'Why not.', ...bad };
    await inShop(IN_STATUS.CONFIRMED).when(command, input).thenInvalid(path);
  });
});

describe('who may do what to an order', () => {
  const possible = (act: Act) => inShop(IN_STATUS[STATUSES.find((status) => act.answers[status] === 'ok') ?? 'PLACED']);

  it.each(ACTS)('staff and the application may $command.name', async (act) => {
    for (const actor of [STAFF, ADMIN, SYSTEM]) {
      await possible(act).by(actor).when(act.command, act.input).thenEvents(act.event);
    }
  });

  it.each(ACTS)('another customer may not $command.name, nor may nobody', async (act) => {
    for (const actor of [customer(BOB), null])
      await possible(act).by(actor).when(act.command, act.input).thenForbidden();
  });

  it.each(ACTS)('whether the customer herself may $command.name: $owner', async (act) => {
    const then = possible(act).by(customer(ADA)).when(act.command, act.input);
    await (act.owner ? then.thenEvents(act.event) : then.thenForbidden());
  });
});
