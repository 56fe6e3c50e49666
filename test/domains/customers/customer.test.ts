import { describe, it } from 'vitest';
import {
  Customer,
  CustomerRegistered,
  CustomerRenamed,
  registerCustomer,
  renameCustomer,
} from '../../../src/domains/customers/customer.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { ADA, ADMIN, BOB, customer, STAFF } from '../fixtures.ts';

const ada = CustomerRegistered({ name: 'Ada', email: 'ada@example.com' });
const registration = { id: ADA, name: 'Ada', email: 'ada@example.com' };

describe('registering a customer', () => {
  it('registers a person by name and e-mail address', () =>
    given(Customer).when(registerCustomer, registration).thenEvents(ada));

  it('leaves the id to the server if none is given', async () => {
    await given(Customer).when(registerCustomer, { name: 'Ada', email: 'ada@example.com' }).thenEvents(ada);
    await given(Customer)
      .when(registerCustomer, { ...registration, id: null })
      .thenEvents(ada);
  });

  it('trims what was typed', () =>
    given(Customer).when(registerCustomer, { id: ADA, name: ' Ada ', email: ' ada@example.com\n' }).thenEvents(ada));

  it('is refused if the id is in use', () =>
    given(Customer, [ada]).when(registerCustomer, registration).thenRejected('CUSTOMER_ALREADY_REGISTERED'));

  it.each(['', 'ada', 'ada@', '@example.com', 'a da@example.com', `${'a'.repeat(320)}@example.com`])(
    'refuses the e-mail address %j',
    async (email) => {
      await given(Customer)
        .when(registerCustomer, { ...registration, email })
        .thenInvalid('email');
    },
  );

  it.each(['', '  ', 'x'.repeat(201), 'nul\0', '\ud800'])('refuses the name %j', async (name) => {
    await given(Customer)
      .when(registerCustomer, { ...registration, name })
      .thenInvalid('name');
  });

  it('names everything that is wrong at once', async () => {
    await given(Customer).when(registerCustomer, { id: '1', name: '', email: '' }).thenInvalid('id', 'name', 'email');
  });

  it('is for staff, for the application, and for customers under their own id', async () => {
    const asked = given(Customer);
    for (const actor of [STAFF, ADMIN, SYSTEM, customer(ADA)]) {
      await asked.by(actor).when(registerCustomer, registration).thenEvents(ada);
    }
    for (const actor of [customer(BOB), null]) {
      await asked.by(actor).when(registerCustomer, registration).thenForbidden();
    }
    await asked
      .by(customer(ADA))
      .when(registerCustomer, { ...registration, id: null })
      .thenForbidden();
  });
});

describe('renaming a customer', () => {
  const rename = { customerId: ADA, name: 'Ada Lovelace' };

  it('changes the name', () =>
    given(Customer, [ada])
      .when(renameCustomer, rename)
      .thenEvents(CustomerRenamed({ name: 'Ada Lovelace' })));

  it('does nothing if the name is already the same', async () => {
    await given(Customer, [ada])
      .when(renameCustomer, { ...rename, name: ' Ada ' })
      .thenEvents();
    await given(Customer, [ada, CustomerRenamed({ name: 'Ada Lovelace' })])
      .when(renameCustomer, rename)
      .thenEvents();
  });

  it('needs a customer', () => given(Customer).when(renameCustomer, rename).thenNotFound());

  it('needs a name', async () => {
    await given(Customer, [ada])
      .when(renameCustomer, { ...rename, name: ' ' })
      .thenInvalid('name');
  });

  it('is for staff, for the application, and for the customer herself', async () => {
    const asked = given(Customer, [ada]);
    for (const actor of [STAFF, ADMIN, SYSTEM, customer(ADA)]) {
      await asked
        .by(actor)
        .when(renameCustomer, rename)
        .thenEvents(CustomerRenamed({ name: 'Ada Lovelace' }));
    }
    for (const actor of [customer(BOB), null]) await asked.by(actor).when(renameCustomer, rename).thenForbidden();
  });
});
