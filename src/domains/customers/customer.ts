import { z } from 'zod';
import { defineAggregate, defineCommand, defineEvent, personal, reject } from '../../index.ts';
import { id, newId, text } from '../shared/fields.ts';
import { customer } from '../shared/person.ts';

export const CustomerRegistered = defineEvent('CustomerRegistered', {
  data: z.object({ name: personal(z.string()), email: personal(z.string()) }),
});
export const CustomerRenamed = defineEvent('CustomerRenamed', { data: z.object({ name: personal(z.string()) }) });

export interface CustomerState {
  readonly registered: boolean;
  readonly name: string;
}

export const Customer = defineAggregate('Customer', {
  description: 'A customer, who orders.',
  visibleTo: { staff: 'all', system: 'all', customer: (actor, _, id) => id === actor.id },
  // Customers register themselves under the id that they are signed in with.
  idsAreActors: true,
  subject: (_, id) => customer(id),
  initialState: (): CustomerState => ({ registered: false, name: '' }),
  events: { CustomerRegistered, CustomerRenamed },
  evolve: {
    CustomerRegistered: (_, { data }) => ({ registered: true, name: data.name }),
    CustomerRenamed: (state, { data }) => ({ ...state, name: data.name }),
  },
});

const name = text('A name', 200, "The customer's name.");

export const registerCustomer = defineCommand('registerCustomer', {
  description: 'Registers a customer. Customers may register themselves, under the id that they are signed in with.',
  aggregate: Customer,
  creates: true,
  input: z.object({
    id: newId(),
    name,
    email: z
      .string()
      .trim()
      .max(320, 'An e-mail address must not be longer than 320 characters.')
      .regex(z.regexes.email, 'This is not an e-mail address.')
      .describe("The customer's e-mail address."),
  }),
  id: (input) => input.id,
  allow: { staff: true, system: true, customer: (actor, input) => input.id === actor.id },
  decide: (customer, input) =>
    customer.registered
      ? reject('CUSTOMER_ALREADY_REGISTERED', 'A customer with this id is registered already.')
      : CustomerRegistered({ name: input.name, email: input.email }),
});

export const renameCustomer = defineCommand('renameCustomer', {
  description: "Changes a customer's name.",
  aggregate: Customer,
  input: z.object({ customerId: id('The customer.'), name }),
  id: (input) => input.customerId,
  allow: { staff: true, system: true, customer: (actor, input) => input.customerId === actor.id },
  decide: (customer, input) => (input.name === customer.name ? [] : CustomerRenamed({ name: input.name })),
});
