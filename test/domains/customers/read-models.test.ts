import { describe, expect, it } from 'vitest';
import { Customer, CustomerRegistered, CustomerRenamed } from '../../../src/domains/customers/customer.ts';
import { customers } from '../../../src/domains/customers/read-models.ts';
import { givenEvents } from '../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { ADA, BOB, customer, STAFF, visibilityOf } from '../fixtures.ts';

const ada = CustomerRegistered({ name: 'Ada', email: 'ada@example.com' });
const bob = CustomerRegistered({ name: 'Bob', email: 'bob@example.com' });

describe('the read model of customers', () => {
  it('has a row for each customer, by the current name', () => {
    const both = recorded(Customer, BOB, [bob], recorded(Customer, ADA, [ada]));
    const log = recorded(Customer, ADA, [CustomerRenamed({ name: 'Ada Lovelace' })], both);
    expect(givenEvents(log).project(customers)).toMatchObject([
      { id: ADA, name: 'Ada Lovelace', email: 'ada@example.com', version: 2 },
      { id: BOB, name: 'Bob', email: 'bob@example.com', version: 1 },
    ]);
  });

  it('is listed by the time of registration and found by the current name and the e-mail address', () => {
    const registered = recorded(Customer, ADA, [CustomerRegistered({ name: 'Émile', email: 'E.Zola@example.com' })]);
    const [before] = givenEvents(registered).project(customers);
    const registeredAt = registered[0]?.occurredAt;
    expect(before).toMatchObject({ registeredAt, sortName: 'emile', searchText: 'emile\ne.zola@example.com' });
    const renamed = recorded(Customer, ADA, [CustomerRenamed({ name: 'Ångström' })], registered);
    const [after] = givenEvents(renamed).project(customers);
    expect(after).toMatchObject({ registeredAt, sortName: 'angstrom', searchText: 'angstrom\ne.zola@example.com' });
  });

  it('shows customers their own row, and staff all of them', () => {
    expect(visibilityOf(customers, STAFF)).toBe('all');
    expect(visibilityOf(customers, customer(ADA))).toEqual([{ id: ADA }]);
  });
});
