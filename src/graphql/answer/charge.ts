import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNullableType,
  isIntrospectionType,
  isLeafType,
  isListType,
  isObjectType,
} from 'graphql';
import { approximateBytes } from '../../kernel/bytes.ts';
import type { Context } from '../context.ts';
import { jsonLength } from './json-length.ts';

/** Charges a resolved value and returns it, before graphql-js completes it. */
type Take = (value: unknown, context: Context, info: GraphQLResolveInfo) => unknown;

/**
 * Makes every field of a schema charge its operation's budget for the value that it resolves. Each message of a
 * subscription has its own budget.
 */
export function chargeAnswers(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || isIntrospectionType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      field.resolve = type === schema.getSubscriptionType() ? eachMessage(charged(field)) : charged(field);
    }
  }
}

type Resolver = GraphQLFieldResolver<unknown, Context>;

function charged({ resolve = defaultFieldResolver, type }: GraphQLField<unknown, Context>): Resolver {
  const take = takeOf(type);
  return (source, args, context, info) => {
    const { budget } = context;
    budget.field(info);
    let value: unknown;
    try {
      value = resolve(source, args, context, info);
    } catch (error) {
      throw budget.failed(error, info.path);
    }
    if (!isPromise(value)) return take ? take(value, context, info) : value;
    return value.then(
      (resolved) => (take ? take(resolved, context, info) : resolved),
      (error) => {
        throw budget.failed(error, info.path);
      },
    );
  };
}

/** A message has exactly one root field: resolving it starts the message's budget. */
function eachMessage(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    context.budget.reset();
    return resolve(source, args, context, info);
  };
}

/** How values of a type are charged. Numbers and objects are included in the cost of their field. */
function takeOf(type: GraphQLOutputType): Take | undefined {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return isLeafType(getNullableType(nullable.ofType)) ? takeLeaves : takeObjects;
  return isLeafType(nullable) ? takeLeaf : undefined;
}

const takeLeaf: Take = (value, { budget }, { path }) => {
  if (typeof value === 'string') budget.spend(jsonLength(value), path);
  else if (typeof value === 'object' && value !== null) budget.spend(approximateBytes(value), path);
  return value;
};

const takeLeaves: Take = (value, context, info) => {
  if (!isIterable(value)) return value;
  const leaves = [...value];
  context.budget.list(leaves.length, info.path);
  for (const leaf of leaves) takeLeaf(leaf, context, info);
  return leaves;
};

const takeObjects: Take = (value, { budget }, info) =>
  isIterable(value) ? budget.elements(Array.isArray(value) ? value : [...value], info) : value;

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
