import { z } from 'zod';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { personal } from '../../../src/kernel/define/personal/personal.ts';
import { defineSubject } from '../../../src/kernel/define/personal/subject.ts';

export const person = defineSubject('person');

const PersonRegistered = defineEvent('PersonRegistered', {
  data: z.object({
    name: personal(z.string()),
    address: personal(z.object({ street: z.string(), floor: z.int().nullable() })),
    hobbies: personal(z.array(z.string())),
    newsletter: z.boolean(),
  }),
});
const PersonRenamed = defineEvent('PersonRenamed', { data: z.object({ name: personal(z.string()) }) });
const PersonVisited = defineEvent('PersonVisited', { data: z.object({ times: z.int() }) });

export interface PersonState {
  readonly name: string;
  readonly street: string;
  readonly visits: number;
}

/** People, whose names and addresses are personal. Each is the subject of their own stream. */
export const Person = defineAggregate('Person', {
  initialState: (): PersonState => ({ name: '', street: '', visits: 0 }),
  events: { PersonRegistered, PersonRenamed, PersonVisited },
  evolve: {
    PersonRegistered: (_, { data }) => ({ name: data.name, street: data.address.street, visits: 0 }),
    PersonRenamed: (state, { data }) => ({ ...state, name: data.name }),
    PersonVisited: (state, { data }) => ({ ...state, visits: state.visits + data.times }),
  },
  snapshot: { every: 5 },
  subject: (_, id) => person(id),
});

export const registerPerson = defineCommand('registerPerson', {
  aggregate: Person,
  creates: true,
  input: z.object({ id: z.guid(), name: z.string(), street: z.string() }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: (_, { name, street }) =>
    PersonRegistered({ name, address: { street, floor: 3 }, hobbies: [`${name} sings`], newsletter: true }),
});

export const renamePerson = defineCommand('renamePerson', {
  aggregate: Person,
  input: z.object({ id: z.guid(), name: z.string() }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: (_, { name }) => PersonRenamed({ name }),
});

export const visitPerson = defineCommand('visitPerson', {
  aggregate: Person,
  input: z.object({ id: z.guid(), times: z.int() }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: (_, { times }) => Array.from({ length: times }, () => PersonVisited({ times: 1 })),
});

export const peopleDomain = defineDomain({
  name: 'people',
  aggregates: [Person],
  commands: [registerPerson, renamePerson, visitPerson],
  projections: [],
  graphql: undefined,
});
