import { CommandError, createAfterwrite } from '../../../client/src/index.ts';
import { PEOPLE } from '../src/api/people.ts';
import { accessToken } from './sign-in.ts';

/** What the shop sells: name, price in pence, pieces. */
const PRODUCTS = [
  ['Assam, strong and malty', 890, 120],
  ['Blue teapot', 2450, 12],
  ['Darjeeling, first flush', 1450, 60],
  ['Earl Grey', 790, 200],
  ['Hand-painted cup', 1150, 40],
  ['Honey, 250 g', 650, 3],
  ['Peppermint', 540, 150],
  ['Tea strainer', 720, 80],
] as const;

const RECEIPT = '__typename ... on CommandReceipt { token version } ... on Error { code message }';
const REGISTER_PRODUCT = /* GraphQL */ `
  mutation Register($input: RegisterProductInput!, $commandId: ID) {
    registerProduct(input: $input, commandId: $commandId) { ${RECEIPT} }
  }`;
const RECEIVE_STOCK = /* GraphQL */ `
  mutation Receive($input: ReceiveStockInput!, $commandId: ID) {
    receiveStock(input: $input, commandId: $commandId) { ${RECEIPT} }
  }`;
const REGISTER_CUSTOMER = /* GraphQL */ `
  mutation Register($input: RegisterCustomerInput!, $commandId: ID) {
    registerCustomer(input: $input, commandId: $commandId) { ${RECEIPT} }
  }`;

/**
 * Fills the shop. Each command has the same id at each start, so that it takes effect only at the first one.
 * @param url of the API.
 * @param secret AUTH_JWT_SECRET of the server.
 */
export async function seed(url: string, secret: string): Promise<void> {
  const staff = PEOPLE.find(({ role }) => role === 'staff');
  const afterwrite = createAfterwrite({ url, auth: () => staff && accessToken(staff, secret) });
  const command = async (document: string, input: object, commandId: string) => {
    try {
      await afterwrite.command(document, { input, commandId });
    } catch (error) {
      // An earlier edition of this file has filled the shop.
      if (!(error instanceof CommandError) || error.code !== 'COMMAND_ID_REUSED') throw error;
    }
  };
  for (const [nth, [name, amount, quantity]] of PRODUCTS.entries()) {
    const id = uuid('a', nth);
    const input = { id, sku: `P-${String(nth + 1).padStart(4, '0')}`, name, price: { amount, currency: 'GBP' } };
    await command(REGISTER_PRODUCT, input, uuid('b', nth));
    await command(RECEIVE_STOCK, { productId: id, quantity }, uuid('c', nth));
  }
  for (const [nth, { id, name, role }] of PEOPLE.entries()) {
    if (role !== 'customer') continue;
    const input = { id, name, email: `${name.toLowerCase()}@example.com` };
    await command(REGISTER_CUSTOMER, input, uuid('d', nth));
  }
  afterwrite.close();
}

/** The same id at each start. */
const uuid = (kind: string, nth: number) => `5f0d6a52-7a0b-4c1e-9d1c-0b8f3a6c${kind}${String(nth).padStart(3, '0')}`;
