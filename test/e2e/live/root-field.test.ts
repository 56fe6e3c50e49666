import { describe, expect, it } from 'vitest';
import { useTransports, ways } from '../../support/client/transports.ts';
import { useApp } from '../../support/server/app.ts';

const app = useApp();
const open = useTransports(app);

describe.each(ways)('a subscription over %s', (way) => {
  it.each([
    ['skipped', 'subscription { projectionUpdated @skip(if: true) { token } }'],
    ['in an inline fragment that is skipped', 'subscription { ... @skip(if: true) { projectionUpdated { token } } }'],
    [
      'in a fragment that is not included',
      'subscription { ...F } fragment F on Subscription { projectionUpdated @include(if: false) { token } }',
    ],
  ])('is refused with a reason if its root field is %s', async (_, query) => {
    const { errors } = await open(way).subscribe(query).next();
    expect(errors?.[0]).toMatchObject({
      message: expect.stringMatching(/^A subscription always has its root field/),
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('is refused if a variable decides whether its root field is there', async () => {
    const query = 'subscription ($no: Boolean! = false) { projectionUpdated @include(if: $no) { token } }';
    const { errors } = await open(way).subscribe(query).next();
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});
