import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as accounts from '../../src/domains/accounts/account.ts';
import * as transfers from '../../src/domains/accounts/transfer.ts';
import * as articles from '../../src/domains/articles/article.ts';
import * as authors from '../../src/domains/articles/author.ts';
import * as customers from '../../src/domains/customers/customer.ts';
import * as notes from '../../src/domains/notes/note.ts';
import * as orders from '../../src/domains/orders/order.ts';
import * as products from '../../src/domains/products/product.ts';

interface Documented {
  readonly name: string;
  readonly description: string | undefined;
  readonly input: z.ZodObject;
}

const commands = [customers, products, orders, accounts, transfers, notes, authors, articles]
  .flatMap((module): unknown[] => Object.values(module))
  .filter((value): value is Documented => typeof value === 'object' && value !== null && 'input' in value);

/** The fields of an input and of its nested inputs, with their paths. */
function fieldsOf(schema: z.core.$ZodType, path: string): [string, z.core.$ZodType][] {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape as Record<string, z.core.$ZodType>).flatMap(([name, field]) => [
      [`${path}.${name}`, field] as [string, z.core.$ZodType],
      ...fieldsOf(field, `${path}.${name}`),
    ]);
  }
  return schema instanceof z.ZodArray ? fieldsOf(schema.element, path) : [];
}

const fields = commands.flatMap((command) => fieldsOf(command.input, command.name));

describe('the API’s manual', () => {
  it('knows every command of its domains', () => {
    expect(commands.map((command) => command.name).sort()).toEqual([
      'addOrderItem',
      'archiveNote',
      'cancelOrder',
      'changeProductPrice',
      'comment',
      'confirmDelivery',
      'confirmOrder',
      'createNote',
      'deposit',
      'editNote',
      'openAccount',
      'placeOrder',
      'publishArticle',
      'receiveStock',
      'registerAuthor',
      'registerCustomer',
      'registerProduct',
      'removeOrderItem',
      'renameAuthor',
      'renameCustomer',
      'renameNote',
      'restoreNote',
      'revertNote',
      'shipOrder',
      'tagArticle',
      'tagNote',
      'transfer',
      'untagNote',
      'withdraw',
    ]);
  });

  it.each(commands.map(({ name, description }) => [name, description]))('says what %s does', (_, description) => {
    expect(description).toMatch(/\.$/);
  });

  it.each(fields)('says what %s is', (_, field) => {
    expect(z.globalRegistry.get(field)?.description).toMatch(/\.$/);
  });

  it('names every input inside an input', () => {
    const inner = (schema: z.core.$ZodType) => (schema instanceof z.ZodArray ? schema.element : schema);
    const names = fields.map(([, field]) => inner(field)).filter((field) => field instanceof z.ZodObject);
    expect(new Set(names.map((field) => z.globalRegistry.get(field)?.id))).toEqual(
      new Set(['MoneyInput', 'AddressInput', 'OrderItemInput']),
    );
  });
});
