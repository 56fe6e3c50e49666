import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  buildSchema,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  execute as graphqlJs,
  isAbstractType,
  isEnumType,
  isListType,
  isObjectType,
  parse,
  print,
  validate,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { AnswerBudget } from '../../../src/graphql/answer/budget.ts';
import { execute } from '../../../src/graphql/execution/execute.ts';
import { Documents } from '../../fuzz/documents.ts';
import { Values } from '../../fuzz/values.ts';
import { testRandom, testSeed } from '../../support/random.ts';

const DOCUMENTS = 1500;

const SDL = `
  enum Colour { RED GREEN BLUE }
  input Size { width: Int! height: Int = 3 unit: String }
  interface Node { id: ID! owner: Person }
  type Person implements Node { id: ID! owner: Person name: String! age: Int friends(first: Int = 2): [Person!]! best: Person! }
  type Thing implements Node { id: ID! owner: Person colour: Colour! tags: [String!] matrix: [[Int]] weight: Float! parts: [Thing] }
  union Found = Person | Thing
  type Query {
    node(id: ID!): Node
    person(id: ID, size: Size): Person!
    thing(colours: [Colour!], size: Size): Thing
    found(text: String = "x"): [Found]!
    sure: [Found!]
    echo(text: String, size: Size, ids: [ID]): String
  }
  type Subscription { never: Int }
  type Mutation { add(size: Size!): Thing rename(name: String!): Person! }
`;

/** Promises that are resolved one after the other, in an order that does not depend on who waits how. */
class Releases {
  readonly #waiting = new Map<string, () => void>();

  /** Makes a value when it is its turn. */
  when<T>(name: string, make: () => T): Promise<T> {
    if (this.#waiting.size === 0) globalThis.setImmediate(() => this.#release());
    return new Promise<void>((resolve) => this.#waiting.set(name, resolve)).then(make);
  }

  /** Resolves when nothing waits any more, also of what an answer has not waited for. */
  async drained(): Promise<void> {
    while (this.#waiting.size > 0) await setImmediate();
    await setImmediate();
  }

  #release(): void {
    const [name] = [...this.#waiting.keys()].sort();
    if (name === undefined) return;
    this.#waiting.get(name)?.();
    this.#waiting.delete(name);
    if (this.#waiting.size > 0) globalThis.setImmediate(() => this.#release());
  }
}

/** A number that depends on a name and on the seed alone. */
const chanceOf = (name: string): number =>
  Number.parseInt(hash('sha1', `${testSeed()} ${name}`).slice(0, 8), 16) / 2 ** 32;
const pathOf = (path: GraphQLResolveInfo['path'] | undefined): string =>
  path ? `${pathOf(path.prev)}/${path.key}` : '';

/** A schema whose resolvers answer, fail and wait by chance, the same each time for the same place. */
function randomSchema(): GraphQLSchema {
  const schema = buildSchema(SDL);
  for (const type of Object.values(schema.getTypeMap())) {
    if (isAbstractType(type)) {
      type.resolveType = ({ kind, isSlow }: { kind: string; isSlow: boolean }) =>
        isSlow ? Promise.resolve(kind) : kind;
    }
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    if (type.name === 'Thing') type.isTypeOf = ({ kind }: { kind: string }) => kind === 'Thing';
    for (const field of Object.values(type.getFields())) {
      field.resolve = (_source, args, { releases }: { releases: Releases }, info) => {
        const name = `${pathOf(info.path)} ${JSON.stringify(args)}`;
        const value = () => randomValue(info.returnType, name, releases);
        if (chanceOf(`${name} waits`) > 0.25) return value();
        return releases.when(`${chanceOf(name)} ${name}`, value);
      };
      // Fields of rows have no resolver: they show what their object has.
      if (type.name === 'Thing' && chanceOf(field.name) < 0.5) exposed(field);
    }
  }
  return schema;
}

function exposed(field: { name: string; extensions: object; resolve?: unknown }): void {
  field.extensions = { pothosExposedField: field.name };
  field.resolve = (source: Record<string, unknown>) => source[field.name];
}

function randomValue(type: GraphQLResolveInfo['returnType'], name: string, releases: Releases): unknown {
  const chance = chanceOf(`${name} value`);
  if (chance < 0.04) throw new Error(`No ${name}`);
  if (chance < 0.06) return new Error(`Returned ${name}`);
  if (chance < 0.12) return null;
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    if (chance < 0.13) return 7;
    return Array.from({ length: Math.floor(chance * 4) }, (_, nth) => {
      const element = `${name} ${nth}`;
      if (chanceOf(`${element} waits`) > 0.2) return soft(() => randomValue(nullable.ofType, element, releases));
      return releases.when(`${chanceOf(element)} ${element}`, () => randomValue(nullable.ofType, element, releases));
    });
  }
  const named = getNamedType(type);
  if (isEnumType(named)) return chance < 0.16 ? 'PURPLE' : 'RED';
  if (named.name === 'Int' || named.name === 'Float') return chance < 0.15 ? 'not a number' : Math.floor(chance * 100);
  if (['ID', 'String'].includes(named.name)) return chance < 0.15 ? { not: 'a text' } : `"${name}"\n`;
  const kind = isObjectType(named) ? named.name : ['Person', 'Thing', 'Nobody'][Math.floor(chance * 2.06)];
  const own = {
    colour: chanceOf(`${name} colour`) < 0.2 ? 'PURPLE' : 'BLUE',
    tags: ['a', null],
    matrix: [[1, null], null, [2]],
    weight: randomWeight(chanceOf(`${name} weight`)),
    id: chance < 0.3 ? null : 'own',
    ...{ kind, isSlow: chance > 0.8 },
  };
  // Not enumerable, as the columns that a row was read without.
  return Object.defineProperty(own, 'owner', {
    get: () => {
      if (chance < 0.4) throw new Error(`No owner of ${name}`);
      return null;
    },
  });
}

/** Whatever a property of an object may be. */
function randomWeight(chance: number): unknown {
  const unusual = [
    () => null,
    () => undefined,
    () => 'heavy',
    () => Number.NaN,
    () => new Date(1),
    () => ({ valueOf: () => 2 }),
    () => new Error('Not weighed'),
    () => Promise.resolve(2.5),
  ];
  return chance < 0.6 ? 1.5 : unusual[Math.floor(((chance - 0.6) / 0.4) * unusual.length)]?.();
}

/** An element of a list that fails is an error there, not of the list. */
function soft(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return error;
  }
}

const budget = () => new AnswerBudget({ answerBytes: 1e9, readBytes: 1e9 });
const context = () => ({ releases: new Releases(), budget: budget() });

/** An answer as a client sees it, with the places of its errors in the document. */
function shown({ data, errors }: ExecutionResult) {
  const faults = /cannot be written as|serialize\(/;
  return {
    data: JSON.stringify(data),
    errors: errors?.map(({ message, path, locations }) => ({
      message: faults.test(message) ? 'A value does not fit its type.' : message.replace(/ with value .*/s, ''),
      path,
      locations,
    })),
  };
}

/**
 * Calls graphql-js, which leaves the rejections of some elements of a failed list unhandled. For the executor such a
 * rejection fails the test.
 */
async function leavingRejections<T>(work: () => Promise<T>): Promise<T> {
  const own = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', () => undefined);
  try {
    return await work();
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of own) process.on('unhandledRejection', listener);
  }
}

describe('the executor', () => {
  it('answers random documents as graphql-js does, also when they are sent again', async () => {
    const schema = randomSchema();
    const asked = [...randomOperations(schema)];
    const expected = await leavingRejections(async () => {
      const options = { maxCoercionErrors: 10 };
      const answers = [];
      for (const args of asked) {
        const contextValue = context();
        answers.push(shown(await graphqlJs({ ...args, options, contextValue })));
        await contextValue.releases.drained();
      }
      return answers;
    });
    for (const time of ['first', 'second']) {
      for (const [nth, args] of asked.entries()) {
        const contextValue = context();
        const answer = shown(await execute({ ...args, contextValue }));
        await contextValue.releases.drained();
        const told = `${print(args.document)}\n${JSON.stringify(args.variableValues)}, the ${time} time`;
        expect(answer, told).toEqual(expected[nth]);
      }
    }
    const failed = expected.filter(({ errors }) => errors).length;
    // Otherwise the comparison would say little.
    expect(asked.length).toBeGreaterThan(DOCUMENTS / 5);
    expect(failed).toBeGreaterThan(asked.length / 10);
    expect(failed).toBeLessThan(asked.length);
  });

  it('includes what the variables of each request say', async () => {
    const schema = buildSchema('type Query { a: Query! b: Int c: Int }');
    const rootValue = { a: { b: 1, c: 2 }, b: 3, c: 4 };
    const document = parse(`query ($with: Boolean!, $without: Boolean = true) {
      ...F @include(if: $with) c @skip(if: $without) a { b @skip(if: $with) c ... @include(if: $with) { d: b } }
    } fragment F on Query { b }`);
    for (const variableValues of [
      { with: true },
      { with: false },
      { with: true, without: false },
      {},
      { with: true },
    ]) {
      const args = { schema, document, rootValue, variableValues };
      expect(shown(await execute({ ...args, contextValue: context() }))).toEqual(shown(await graphqlJs(args)));
    }
  });

  it('executes commands one after the other', async () => {
    const schema = buildSchema('type Query { a: Int } type Mutation { add(text: String!): String! }');
    const log: string[] = [];
    const rootValue = {
      add: async ({ text }: { text: string }) => {
        log.push(`${text} begins`);
        await setImmediate();
        log.push(`${text} ends`);
        return text;
      },
    };
    const document = parse('mutation { a: add(text: "1") b: add(text: "2") }');
    const { data } = await execute({ schema, document, rootValue, contextValue: context() });
    expect(data).toEqual({ a: '1', b: '2' });
    expect(log).toEqual(['1 begins', '1 ends', '2 begins', '2 ends']);
  });

  it('takes any name that a client gives to a field', async () => {
    const schema = buildSchema('type Query { a: Query b: Int }');
    const rootValue = { a: { b: 1 }, b: 2 };
    const document = parse('{ __proto__: a { constructor: b __proto__: b } toString: b }');
    const { data } = await execute({ schema, document, rootValue, contextValue: context() });
    expect(JSON.stringify(data)).toBe('{"__proto__":{"constructor":1,"__proto__":1},"toString":2}');
  });

  it('answers which operation is missing', async () => {
    const schema = buildSchema('type Query { a: Int }');
    const document = parse('query A { a } query B { a }');
    for (const operationName of [undefined, null, 'C']) {
      const args = { schema, document, operationName };
      expect(shown(await execute({ ...args, contextValue: context() }))).toEqual(shown(await graphqlJs(args)));
    }
  });
});

/** Operations of random documents that are valid. */
function* randomOperations(schema: GraphQLSchema) {
  const random = testRandom();
  const documents = new Documents(schema, random, new Values(random, { ids: ['1'], tokens: [], cursors: [] }));
  for (let nth = 0; nth < DOCUMENTS; nth++) {
    const { kind, query, variables } = documents.next();
    const document = soft(() => parse(query)) as Error | DocumentNode;
    if (kind === 'subscription' || document instanceof Error || validate(schema, document).length > 0) continue;
    yield { schema, document, variableValues: variables, rootValue: {} };
  }
}
