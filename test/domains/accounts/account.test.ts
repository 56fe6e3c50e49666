import { describe, expect, it } from 'vitest';
import {
  Account,
  AccountOpened,
  deposit,
  MoneyDeposited,
  MoneyReceived,
  MoneyReturned,
  MoneySent,
  MoneyWithdrawn,
  openAccount,
  TransferClosed,
  withdraw,
} from '../../../src/domains/accounts/account.ts';
import {
  closeTransfer,
  creditTransfer,
  debitTransfer,
  refundTransfer,
} from '../../../src/domains/accounts/account-transfers.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { NewEventOf } from '../../../src/kernel/define/event.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { fc } from '../../support/properties.ts';
import { ADA, ADMIN, BOB, customer, eur, gbp, STAFF, uuid } from '../fixtures.ts';

const accountId = uuid(41);
const transferId = uuid(42);
const MOST = Number.MAX_SAFE_INTEGER;
const opened = AccountOpened({ owner: ADA, currency: 'GBP' });
const with100 = [opened, MoneyDeposited({ amount: gbp(100), balance: 100 })];
const sent60 = MoneySent({ transferId, amount: gbp(60), balance: 40 });
const received60 = MoneyReceived({ transferId, amount: gbp(60), balance: 160 });

describe('opening an account', () => {
  it('begins it with nothing in it', () =>
    given(Account)
      .when(openAccount, { owner: ' Ada ', currency: 'GBP' })
      .thenEvents(AccountOpened({ owner: 'Ada', currency: 'GBP' })));

  it('is refused if the id is in use', () =>
    given(Account, [opened])
      .when(openAccount, { id: accountId, owner: ADA, currency: 'GBP' })
      .thenRejected('ACCOUNT_ALREADY_OPENED'));

  it.each([
    [{ owner: ' ' }, 'owner'],
    [{ owner: 'x'.repeat(256) }, 'owner'],
    [{ currency: 'gbp' }, 'currency'],
    [{ id: 'mine' }, 'id'],
  ])('refuses %j', async (bad, path) => {
    await given(Account)
      .when(openAccount, { owner: ADA, currency: 'GBP', ...bad })
      .thenInvalid(path);
  });
});

describe('paying in', () => {
  it('adds to the balance', () =>
    given(Account, with100)
      .when(deposit, { accountId, amount: gbp(11), reference: ' Wages' })
      .thenEvents(MoneyDeposited({ amount: gbp(11), balance: 111, reference: 'Wages' })));

  it('is in the account’s currency', async () => {
    const sentence = await given(Account, with100)
      .when(deposit, { accountId, amount: eur(11) })
      .thenRejected('CURRENCY_MISMATCH');
    expect(sentence).toBe('The account is kept in GBP, not in EUR.');
  });

  it('takes the balance to what can be told exactly, and no further', async () => {
    const account = given(Account, with100);
    await account
      .when(deposit, { accountId, amount: gbp(MOST - 100) })
      .thenEvents(MoneyDeposited({ amount: gbp(MOST - 100), balance: MOST }));
    await account.when(deposit, { accountId, amount: gbp(MOST - 99) }).thenRejected('BALANCE_TOO_LARGE');
  });

  it('leaves room for what may come back', () =>
    given(Account, [...with100, sent60])
      .when(deposit, { accountId, amount: gbp(MOST - 99) })
      .thenRejected('BALANCE_TOO_LARGE'));

  it.each([
    [{ amount: gbp(0) }, 'amount.amount'],
    [{ amount: gbp(-1) }, 'amount.amount'],
    [{ amount: gbp(0.5) }, 'amount.amount'],
    [{ amount: gbp(2 ** 53) }, 'amount.amount'],
    [{ reference: ' ' }, 'reference'],
    [{ reference: 'x'.repeat(141) }, 'reference'],
    [{ accountId: 'mine' }, 'accountId'],
  ])('refuses %j, and so does taking out', async (bad, path) => {
    const input = { accountId, amount: gbp(1), ...bad };
    await given(Account, with100).when(deposit, input).thenInvalid(path);
    await given(Account, with100).when(withdraw, input).thenInvalid(path);
  });

  it('needs an account, and so does taking out', async () => {
    await given(Account)
      .when(deposit, { accountId, amount: gbp(1) })
      .thenNotFound();
    await given(Account)
      .when(withdraw, { accountId, amount: gbp(1) })
      .thenNotFound();
  });
});

describe('taking out', () => {
  it('takes the last that is there', () =>
    given(Account, with100)
      .when(withdraw, { accountId, amount: gbp(100) })
      .thenEvents(MoneyWithdrawn({ amount: gbp(100), balance: 0 })));

  it('never goes below zero', async () => {
    const sentence = await given(Account, with100)
      .when(withdraw, { accountId, amount: gbp(101) })
      .thenRejected('INSUFFICIENT_FUNDS');
    expect(sentence).toBe('The account holds 100 minor units of GBP, not 101.');
  });

  it('is in the account’s currency', () =>
    given(Account, with100)
      .when(withdraw, { accountId, amount: eur(1) })
      .thenRejected('CURRENCY_MISMATCH'));
});

describe('the debit of a transfer', () => {
  const debit = { accountId, transferId, amount: gbp(60), reference: 'Rent' };

  it('takes the money', () =>
    given(Account, with100)
      .when(debitTransfer, debit)
      .thenEvents(MoneySent({ transferId, amount: gbp(60), balance: 40, reference: 'Rent' })));

  it('is done once', () =>
    given(Account, [...with100, sent60])
      .when(debitTransfer, debit)
      .thenEvents());

  it('is refused if the money is not there, or another', async () => {
    await given(Account, with100)
      .when(debitTransfer, { ...debit, amount: gbp(101) })
      .thenRejected('INSUFFICIENT_FUNDS');
    await given(Account, with100)
      .when(debitTransfer, { ...debit, amount: eur(1) })
      .thenRejected('CURRENCY_MISMATCH');
    await given(Account).when(debitTransfer, debit).thenNotFound();
  });
});

describe('the credit of a transfer', () => {
  const credit = { accountId, transferId, amount: gbp(60) };

  it('brings the money', () => given(Account, with100).when(creditTransfer, credit).thenEvents(received60));

  it('is done once', () =>
    given(Account, [...with100, received60])
      .when(creditTransfer, credit)
      .thenEvents());

  it('is refused if there is no room, another currency or no account', async () => {
    await given(Account, with100)
      .when(creditTransfer, { ...credit, amount: gbp(MOST) })
      .thenRejected('BALANCE_TOO_LARGE');
    await given(Account, with100)
      .when(creditTransfer, { ...credit, amount: eur(1) })
      .thenRejected('CURRENCY_MISMATCH');
    await given(Account).when(creditTransfer, credit).thenNotFound();
  });
});

describe('the refund of a transfer', () => {
  const refund = { accountId, transferId, reference: 'Rent' };

  it('brings back what was taken, once', async () => {
    const returned = MoneyReturned({ transferId, amount: gbp(60), balance: 100, reference: 'Rent' });
    await given(Account, [...with100, sent60])
      .when(refundTransfer, refund)
      .thenEvents(returned);
    await given(Account, [...with100, sent60, returned])
      .when(refundTransfer, refund)
      .thenEvents();
  });

  it('brings nothing if nothing was taken', () => given(Account, with100).when(refundTransfer, refund).thenEvents());

  it('has room even if as much as possible was paid in meanwhile', () =>
    given(Account, [...with100, sent60, MoneyDeposited({ amount: gbp(MOST - 100), balance: MOST - 60 })])
      .when(refundTransfer, { accountId, transferId })
      .thenEvents(MoneyReturned({ transferId, amount: gbp(60), balance: MOST })));
});

describe('the end of a transfer', () => {
  const end = { accountId, transferId };

  it('lets both sides forget it', async () => {
    await given(Account, [...with100, sent60])
      .when(closeTransfer, end)
      .thenEvents(TransferClosed({ transferId }));
    await given(Account, [...with100, received60])
      .when(closeTransfer, end)
      .thenEvents(TransferClosed({ transferId }));
    await given(Account, [...with100, received60, TransferClosed({ transferId })])
      .when(closeTransfer, end)
      .thenEvents();
  });

  it('leaves no trace in the state, however many there were', () => {
    const transfers = Array.from({ length: 500 }, (_, n) => uuid(1000 + n));
    const events: NewEventOf<typeof Account.events>[] = transfers.flatMap((transferId, n) => [
      n % 2
        ? MoneySent({ transferId, amount: gbp(1), balance: 99 })
        : MoneyReceived({ transferId, amount: gbp(1), balance: 100 }),
      n % 4 === 3 ? MoneyReturned({ transferId, amount: gbp(1), balance: 100 }) : TransferClosed({ transferId }),
    ]);
    const state = [...with100, ...events].reduce(Account.evolve, Account.initialState());
    expect(state).toMatchObject({ sent: {}, received: [] });
  });
});

describe('who may do what with an account', () => {
  const move = { accountId, amount: gbp(1) };

  it.each([STAFF, ADMIN, SYSTEM, customer(ADA)])('$roles.0 may', async (actor) => {
    await given(Account).by(actor).when(openAccount, { owner: ADA, currency: 'GBP' }).thenEvents(opened);
    await given(Account, with100)
      .by(actor)
      .when(withdraw, move)
      .thenEvents(MoneyWithdrawn({ amount: gbp(1), balance: 99 }));
  });

  it.each([STAFF, ADMIN, SYSTEM])('$roles.0 may pay in', async (actor) => {
    await given(Account, with100)
      .by(actor)
      .when(deposit, move)
      .thenEvents(MoneyDeposited({ amount: gbp(1), balance: 101 }));
  });

  it('its owner may not pay in what nobody has received', async () => {
    await given(Account, with100).by(customer(ADA)).when(deposit, move).thenForbidden();
  });

  it.each([customer(BOB), null])('others may not: %j', async (actor) => {
    await given(Account).by(actor).when(openAccount, { owner: ADA, currency: 'GBP' }).thenForbidden();
    await given(Account, with100).by(actor).when(deposit, move).thenForbidden();
    await given(Account, with100).by(actor).when(withdraw, move).thenForbidden();
  });

  it('none but the application does what belongs to a transfer', async () => {
    const account = given(Account, with100);
    for (const actor of [STAFF, customer(ADA), null]) {
      await account
        .by(actor)
        .when(debitTransfer, { ...move, transferId })
        .thenForbidden();
      await account
        .by(actor)
        .when(creditTransfer, { ...move, transferId })
        .thenForbidden();
      await account.by(actor).when(refundTransfer, { accountId, transferId }).thenForbidden();
      await account.by(actor).when(closeTransfer, { accountId, transferId }).thenForbidden();
    }
  });
});

describe('whatever is done to an account', () => {
  const amount = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constantFrom(MOST, MOST - 100, 2 ** 52)).map(gbp);
  const id = fc.constantFrom(uuid(51), uuid(52), uuid(53));
  const step = fc.oneof(
    amount.map((amount) => ({ command: deposit, input: { amount } })),
    amount.map((amount) => ({ command: withdraw, input: { amount } })),
    fc.tuple(id, amount).map(([transferId, amount]) => ({ command: debitTransfer, input: { transferId, amount } })),
    fc.tuple(id, amount).map(([transferId, amount]) => ({ command: creditTransfer, input: { transferId, amount } })),
    id.map((transferId) => ({ command: refundTransfer, input: { transferId } })),
    id.map((transferId) => ({ command: closeTransfer, input: { transferId } })),
  );

  it('each line’s balance is that before it and its amount, never below zero and always exact', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const history: NewEventOf<typeof Account.events>[] = [opened];
        for (const { command, input } of steps) {
          const outcome = await given(Account, history)
            .when(command, { accountId, ...input } as never)
            .outcome();
          if (outcome.kind === 'events') history.push(...(outcome.events as typeof history));
        }
        let balance = 0n;
        for (const event of history) {
          if (event.type === 'AccountOpened' || event.type === 'TransferClosed') continue;
          const isOut = event.type === 'MoneyWithdrawn' || event.type === 'MoneySent';
          balance += BigInt(isOut ? -event.data.amount.amount : event.data.amount.amount);
          expect(BigInt(event.data.balance)).toBe(balance);
          expect(event.data.balance).toBeGreaterThanOrEqual(0);
          expect(Number.isSafeInteger(event.data.balance)).toBe(true);
        }
      }),
    );
  });
});
