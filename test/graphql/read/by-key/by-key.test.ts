import { text } from 'drizzle-orm/pg-core';
import { buildSchema, type GraphQLObjectType, type GraphQLResolveInfo, parse } from 'graphql';
import { expect, it } from 'vitest';
import { AnswerBudget } from '../../../../src/graphql/answer/budget.ts';
import { execute } from '../../../../src/graphql/execution/execute.ts';
import { ReadModels } from '../../../../src/graphql/read/read-models.ts';
import { Rows } from '../../../../src/graphql/read/rows.ts';
import type { Actor } from '../../../../src/kernel/define/access/actor.ts';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { Counter, counterDomain, counters, customer, openCounter, system } from '../../../support/kernel/counter.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [counterDomain]);

/** A read model whose key is any text. */
const names = defineProjection('names', {
  table: readTable('names', { name: text('name').primaryKey(), note: text('note').notNull() }),
  events: Counter.events,
  visibleTo: 'everyone',
  on: {
    CounterOpened: ({ data }, { upsert }) =>
      upsert(data.label, () => ({ name: data.label, note: `About ${data.label}.` })),
  },
});
const openNames = useEngine(database, [{ ...counterDomain, projections: [names] }]);

/** Counters that are seen by whoever they are named after: a long column decides who sees a row. */
const named = { ...counters, visibleTo: { customer: ({ id }: Actor) => ({ label: id }) } } as typeof counters;

/** A schema over these counters. */
function schemaOfCounters() {
  const schema = buildSchema(
    'type Query { counter(id: ID!): Counter } type Counter { id: ID! value: Int label: String }',
  );
  const type = schema.getType('Counter') as GraphQLObjectType;
  type.extensions = { rowsOf: counters.name };
  for (const field of Object.values(type.getFields())) field.extensions = { pothosExposedField: field.name };
  const counter = schema.getQueryType()?.getFields().counter;
  if (!counter) throw new Error('There is no field.');
  counter.resolve = (_, { id }: { id: string }, { rows }: { rows: Rows }, info: GraphQLResolveInfo) =>
    rows.byKey(named, id, info);
  return schema;
}

it('a row by its key shows what is selected, to those who may see it, although the column that says so is not', async () => {
  const engine = await openEngine({ start: true });
  const opened = await engine.bus.execute(openCounter, { label: 'ada' }, system);
  const { aggregateId: id, position } = receiptOf(opened);
  await engine.projector.positions.reached(counters.name, position);
  const readModels = new ReadModels(engine.database.reader.db);
  const schema = schemaOfCounters();
  const asked = async (name: string, selection: string) => {
    const rows = new Rows(readModels, customer(name));
    const contextValue = { rows, budget: new AnswerBudget({ answerBytes: 1e6, readBytes: 1e6 }) };
    const document = parse(`{ one: counter(id: "${id}") { ${selection} } other: counter(id: "${id}") { id label } }`);
    return (await execute({ schema, document, contextValue })).data;
  };
  expect(await asked('ada', 'value')).toEqual({ one: { value: 0 }, other: { id, label: 'ada' } });
  expect(await asked('bob', 'value')).toEqual({ one: null, other: null });
});

it('a row is not taken for another one whose key looks like its key with what is selected of it', async () => {
  const engine = await openNames({ start: true });
  const other = 'x without note';
  await engine.bus.execute(openCounter, { label: 'x' }, system);
  const { position } = receiptOf(await engine.bus.execute(openCounter, { label: other }, system));
  await engine.projector.positions.reached(names.name, position);
  const schema = buildSchema(
    'type Query { whole(name: String!): Name part(name: String!): Name } type Name { name: String! note: String! }',
  );
  const type = schema.getType('Name') as GraphQLObjectType;
  type.extensions = { rowsOf: names.name };
  for (const field of Object.values(type.getFields())) field.extensions = { pothosExposedField: field.name };
  const rows = new Rows(new ReadModels(engine.database.reader.db), system.actor);
  const rootValue = {
    whole: ({ name }: { name: string }) => rows.byKey(names, name),
    part: ({ name }: { name: string }, _: unknown, info: GraphQLResolveInfo) => rows.byKey(names, name, info),
  };
  const contextValue = { budget: new AnswerBudget({ answerBytes: 1e6, readBytes: 1e6 }) };
  const document = parse(`{ whole(name: "${other}") { name } part(name: "x") { name } }`);
  const { data } = await execute({ schema, document, rootValue, contextValue });
  expect(data).toEqual({ whole: { name: other }, part: { name: 'x' } });
});
