import { describe, expect, it } from 'vitest';
import { accepted, registerCustomer } from '../../../support/client/shop.ts';
import { useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false });
const open = useTransports(app);

const HOUR = 3_600_000;
const CUSTOMER = `subscription ($id: ID!, $after: ConsistencyToken, $everyMs: Int) {
  live(after: $after, everyMs: $everyMs) { customer(id: $id) { name } }
}`;
interface Named {
  readonly live: { readonly customer: { readonly name: string } };
}

const rename = (customerId: string, name: string) => accepted(app, 'renameCustomer', { customerId, name });

describe('a live query that somebody watches who wants a message an hour', () => {
  it('tells others who share it as soon as they want, whether they came before a change or after it', async () => {
    const { aggregateId: id, token: after } = await registerCustomer(app, { name: 'Ada' });
    const subscribe = (variables: object) => open('WebSocket').subscribe<Named>(CUSTOMER, { id, ...variables });
    const rare = subscribe({ after, everyMs: HOUR });
    await rare.data();
    // The change waits for the hour to end while nobody else is there.
    const { token } = await rename(id, 'Grace');
    const usual = subscribe({ after: token });
    expect((await usual.data()).live.customer.name).toBe('Grace');
    await rename(id, 'Barbara');
    expect((await usual.data()).live.customer.name).toBe('Barbara');
    expect(rare.messages).toHaveLength(1);
  });

  it('gives a newcomer the first message at once, also if they too want a message an hour', async () => {
    const { aggregateId: id, token: after } = await registerCustomer(app, { name: 'Ada' });
    const subscribe = (variables: object) =>
      open('WebSocket').subscribe<Named>(CUSTOMER, { id, everyMs: HOUR, ...variables });
    await subscribe({ after }).data();
    const { token } = await rename(id, 'Grace');
    expect((await subscribe({ after: token }).data()).live.customer.name).toBe('Grace');
  });
});
