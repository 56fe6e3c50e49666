import { expect, it } from 'vitest';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../support/client/tokens.ts';
import { useApp } from '../support/server/app.ts';
import { until } from '../support/until.ts';

const app = useApp({ env: WITH_AUTH });

interface Standing {
  readonly processes: readonly { readonly name: string; readonly kind: string; readonly owner: string | null }[] | null;
}
const ask = (token: string) =>
  app.query<Standing>('{ processes { name kind state position lag failure owner } }', {}, { token });

it('where processes stand is told to staff, who runs them to admins, and nothing to others', async () => {
  const admin = await accessToken('boss', ['admin']);
  const running = async () => {
    const { processes } = (await ask(admin)).data;
    return processes?.every(({ owner }) => owner !== null) ? processes : [];
  };
  await until(async () => (await running()).length > 0);
  const found = await running();
  expect(found).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: 'Settlement', kind: 'PROCESS', state: 'RUNNING', failure: null }),
      expect.objectContaining({ name: 'Fulfilment', kind: 'PROCESS', state: 'RUNNING', failure: null }),
      expect.objectContaining({ name: 'PaymentCalls', kind: 'EFFECT', state: 'RUNNING', failure: null }),
    ]),
  );
  const toStaff = (await ask(await staffToken())).data.processes;
  expect(toStaff?.map(({ name, owner }) => ({ name, owner }))).toEqual(
    found.map(({ name }) => ({ name, owner: null })),
  );
  const refused = await ask(await customerToken(crypto.randomUUID())).then(
    (answer) => answer as unknown,
    (error: Error) => error.message,
  );
  expect(JSON.stringify(refused)).toContain('You may not look at processes.');
});
