import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const ACCOUNTS = 10;
const TRANSFERS = 4_000;

let token: string;
let accountIds: string[] = [];

const idIn = (body: string) => /"aggregateId":"([^"]+)"/.exec(body)?.[1] ?? '';

export const circularTransfers: Attack = {
  name: 'circular-transfers',
  description: `sends money round in a circle of ${ACCOUNTS} accounts, and back, ${TRANSFERS.toLocaleString('en')} times`,
  prepare: async (attacker: Attacker) => {
    const { id: owner, token: own } = await attacker.customer();
    token = own;
    const staff = await attacker.token('mallory-staff', ['staff']);
    accountIds = [];
    for (let nth = 0; nth < ACCOUNTS; nth++) {
      const { body } = await attacker.command('openAccount', { owner, currency: 'GBP' }, token);
      const accountId = idIn(body);
      if (!accountId) throw new Error(`An account was not opened: ${body}`);
      await attacker.command('deposit', { accountId, amount: { amount: 1_000, currency: 'GBP' } }, staff);
      accountIds.push(accountId);
    }
  },
  run: (attacker) =>
    attacker.repeat(32, TRANSFERS, (nth) => {
      const pair = [accountIds[nth % ACCOUNTS], accountIds[(nth + 1) % ACCOUNTS]];
      const [fromAccountId, toAccountId] = nth % 2 === 0 ? pair : pair.reverse();
      return attacker.command(
        'transfer',
        { fromAccountId, toAccountId, amount: { amount: 1, currency: 'GBP' } },
        token,
      );
    }),
};
