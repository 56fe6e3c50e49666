import {
  type GraphQLArgument,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import type { Random } from '../support/random.ts';
import { literalOf, type Value, type Values } from './values.ts';

/** An operation to send. */
export interface Operation {
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly query: string;
  readonly variables: Readonly<Record<string, Value>>;
}

/** Most operations are reads, as of real clients. */
const KINDS = { query: 70, mutation: 22, subscription: 8 } as const;
const ROOTS = { query: 'getQueryType', mutation: 'getMutationType', subscription: 'getSubscriptionType' } as const;

/** Makes documents over a schema: most are valid, some are wrong in every way that a document can be. */
export class Documents {
  readonly #schema: GraphQLSchema;
  readonly #random: Random;
  readonly #values: Values;

  constructor(schema: GraphQLSchema, random: Random, values: Values) {
    this.#schema = schema;
    this.#random = random;
    this.#values = values;
  }

  next(): Operation {
    const kind = this.#random.weighted(KINDS);
    const root = this.#schema[ROOTS[kind]]();
    if (!root) throw new Error(`The schema has no ${kind}.`);
    const writer = new Writer(this.#schema, this.#random, this.#values);
    const { query, variables } = writer.operation(kind, root);
    return { kind, query: this.#random.chance(0.04) ? this.#broken(query) : query, variables };
  }

  /** The document with something cut out, doubled or put in. */
  #broken(query: string): string {
    const random = this.#random;
    const at = random.between(0, query.length);
    switch (random.weighted({ cut: 3, doubled: 2, put: 3, nested: 1 })) {
      case 'cut':
        return query.slice(0, at);
      case 'doubled':
        return query.slice(0, at) + query.slice(Math.max(0, at - 40));
      case 'nested':
        return `${'{a'.repeat(random.between(10, 900))}${query}`;
      default:
        return (
          query.slice(0, at) +
          random.pick(['\0', '{', '}', '$', '@', '"""', '\ud800', '...', '#', '&', '¡']) +
          query.slice(at)
        );
    }
  }
}

/** Writes one document. */
class Writer {
  readonly #schema: GraphQLSchema;
  readonly #random: Random;
  readonly #values: Values;
  readonly #variables: Record<string, Value> = {};
  readonly #declared: string[] = [];
  readonly #fragments: string[] = [];
  /** How wrong values are: most documents are honest, in some nearly everything is not. */
  readonly #hostility: number;
  /** Whether the document may break the rules of GraphQL; the others come as far as execution. */
  readonly #isWild: boolean;
  #aliases = 0;
  #fieldsLeft: number;

  constructor(schema: GraphQLSchema, random: Random, values: Values) {
    this.#schema = schema;
    this.#random = random;
    this.#values = values;
    this.#hostility = random.pick([0, 0, 0, 0.03, 0.1, 0.5]);
    this.#isWild = random.chance(0.35);
    this.#fieldsLeft = random.pick([4, 8, 16, 40, 120]);
  }

  operation(kind: Operation['kind'], root: GraphQLNamedType) {
    const random = this.#random;
    const selection = this.#selection(root, 0, kind === 'subscription' ? 1 : undefined);
    const directive = kind === 'query' && random.chance(0.15) ? this.#readAfter() : '';
    const declared = this.#declared.length > 0 ? `(${this.#declared.join(' ')})` : '';
    const name = random.chance(0.3) ? ` ${random.pick(['A', 'Orders', '__x', 'q1'])}` : '';
    const second = random.chance(0.02) ? '\nquery Other { __typename }' : '';
    const query = `${kind}${name}${declared}${directive} ${selection}\n${this.#fragments.join('\n')}${second}`;
    return { query, variables: this.#variables };
  }

  #readAfter(): string {
    const directive = this.#schema.getDirective('readAfter');
    return directive ? ` @readAfter${this.#arguments(directive.args)}` : '';
  }

  #selection(type: GraphQLNamedType, depth: number, exactly?: number): string {
    const random = this.#random;
    const count = exactly ?? random.between(1, 4);
    const parts = Array.from({ length: count }, () => this.#part(type, depth)).filter((part) => part !== '');
    return `{ ${parts.length > 0 ? parts.join(' ') : '__typename'} }`;
  }

  #part(type: GraphQLNamedType, depth: number): string {
    const random = this.#random;
    if (this.#isWild && random.chance(0.05))
      return random.pick(['__typename', 'nonsense', '__schema { types { name } }', '__proto__']);
    if (isAbstractType(type) && random.chance(isInterfaceType(type) ? 0.5 : 0.95)) {
      const of = random.pick(this.#schema.getPossibleTypes(type));
      return `... on ${of.name}${this.#directives()} ${this.#selection(of, depth + 1)}`;
    }
    if (!isObjectType(type) && !isInterfaceType(type)) return '__typename';
    if (random.chance(0.05)) return this.#fragment(type, depth);
    return this.#field(type.getFields(), depth);
  }

  #field(
    fields: Readonly<Record<string, { name: string; type: unknown; args: readonly GraphQLArgument[] }>>,
    depth: number,
  ): string {
    const random = this.#random;
    if (this.#fieldsLeft-- <= 0) return '';
    const field = random.pick(Object.values(fields));
    const type = getNamedType(field.type as GraphQLNamedType);
    const composite = isCompositeType(type);
    // Deeper than the limit now and then.
    if (composite && depth > random.between(5, 14)) return '';
    const alias = `${this.#isWild ? random.pick(['a', 'b', 'c', 'd']) : `f${this.#aliases++}`}: `;
    const head = `${random.chance(this.#isWild ? 0.3 : 0.8) ? alias : ''}${field.name}${this.#arguments(field.args)}${this.#directives()}`;
    if (!composite) return this.#isWild && random.chance(0.02) ? `${head} { nonsense }` : head;
    return `${head} ${this.#selection(type, depth + 1)}`;
  }

  #fragment(type: GraphQLNamedType, depth: number): string {
    const random = this.#random;
    const name = `F${this.#fragments.length}`;
    // Reserves the name; one in ten spreads itself.
    const index = this.#fragments.push('') - 1;
    const own = this.#isWild && random.chance(0.3) ? ` ...${name}` : '';
    this.#fragments[index] =
      `fragment ${name} on ${type.name} ${this.#selection(type, depth + 1).replace(/}$/, `${own} }`)}`;
    return `...${name}${random.chance(0.2) ? ` ...${name}` : ''}`;
  }

  #directives(): string {
    if (!this.#random.chance(0.03)) return '';
    if (!this.#isWild) return this.#random.pick([' @skip(if: false)', ' @include(if: true)', ' @skip(if: true)']);
    return this.#random.pick([' @skip(if: false)', ' @include(if: true)', ' @include(if: 1)', ' @nonsense', ' @skip']);
  }

  #arguments(args: readonly GraphQLArgument[]): string {
    const random = this.#random;
    const given = args.filter(({ type }) => random.chance(isNonNullType(type) ? 0.98 : 0.4));
    if (given.length === 0) return '';
    return `(${given.map((argument) => `${argument.name}: ${this.#argument(argument)}`).join(' ')})`;
  }

  #argument({ type }: GraphQLArgument): string {
    const value = this.#values.of(type, this.#hostility);
    if (this.#random.chance(0.5)) return literalOf(value, type);
    const name = `v${this.#declared.length}`;
    this.#declared.push(`$${name}: ${String(type)}`);
    this.#variables[name] = value;
    return `$${name}`;
  }
}
