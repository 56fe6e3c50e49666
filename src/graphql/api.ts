import type { InputRef } from '@pothos/core';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { z } from 'zod';
import { DefinitionError } from '../kernel/define/definition-error.ts';
import type { Projection } from '../kernel/define/read-model/projection.ts';
import type { StoredRow } from '../kernel/define/read-model/read-table.ts';
import type { Builder } from './builder.ts';
import type { InputTypes } from './commands/input-types.ts';
import type { ReadModelExtensions } from './consistency/touched.ts';
import { BadUserInputError } from './errors.ts';
import { searchWords } from './read/search-words.ts';
import type { ColumnExtensions } from './read/selected-columns.ts';
import { keyFor, storableText, uuidFrom } from './read/text.ts';
import { addConnection, pageArguments } from './shapes/connection.ts';
import { addNodeInterface, addNodeQueries, type NodeType, refuseAsNode } from './shapes/node.ts';
import { addPageInfo } from './shapes/page-info.ts';
import type { ArgumentBuilder, ReadModelType, RowFields, VersionType } from './shapes/read-model-type.ts';
import { addQueryByKey, addSubscriptionToRow, ID } from './shapes/row-fields.ts';
import { addRowType } from './shapes/row-type.ts';
import { addQueryAsOf, addVersions, type VersionOptions } from './shapes/versions.ts';

type Row<Table extends PgTable> = StoredRow<Table>;

/** A domain's `graphql.ts`: given the API, it adds its types, queries and subscriptions. */
export type DomainGraphql = (api: Api) => void;

/**
 * What domains build their part of the schema with: Pothos, and the few shapes that all read models share. Each shape
 * declares which read models it is resolved from, so that a read with a token waits for these and no others.
 */
export class Api {
  readonly builder: Builder;
  readonly #projections: ReadonlyMap<string, unknown>;
  readonly #inputs: InputTypes;
  readonly #models = new Map<Projection, ReadModelType>();
  readonly #nodes: NodeType[] = [];
  readonly #shared = new Map<string, unknown>();

  /**
   * @param projections all that are mounted, by name.
   * @param inputs the input types that commands have made.
   */
  constructor(builder: Builder, projections: ReadonlyMap<string, unknown>, inputs: InputTypes) {
    this.builder = builder;
    this.#projections = projections;
    this.#inputs = inputs;
  }

  /** An object type over the rows of a projection. @throws {DefinitionError} NOT_MOUNTED if no domain lists it. */
  readModel<Table extends PgTable>(
    name: string,
    projection: Projection<Table>,
    options: {
      readonly description: string;
      /** Expected size of a row in bytes, if it may be large: it then costs more. */
      readonly bytes?: number;
      /**
       * Whether the type implements `Node`: its rows have the ids of aggregates of one type, and no other type with
       * `node` has the same ids. Its field `id` is the key. Default: false.
       */
      readonly node?: boolean;
      /**
       * Whether its rows have the key of something else, as the card of an article has. The type then gets an `id` of its
       * own: stable, unique across types, and accepted by `queryByKey` and `subscriptionToRow` in place of the key.
       * Default: false.
       */
      readonly ownId?: boolean;
      readonly fields: RowFields<Row<Table>>;
    },
  ): ReadModelType<Table> {
    const { description, fields, bytes, node = false, ownId: hasOwnId = false } = options;
    const ref = this.builder.objectRef<Row<Table>>(name);
    if (node) this.#addNode(name, projection as unknown as Projection);
    addRowType<never>(ref as never, {
      description,
      fields: fields as never,
      projection,
      extensions: this.readsFrom(projection),
      bytes,
      hasOwnId,
      ...(node && { interfaces: [this.#node] }),
    });
    const model = { projection, ref, fields, bytes, hasOwnId } as unknown as ReadModelType<Table>;
    this.#models.set(projection as unknown as Projection, model as unknown as ReadModelType);
    return model;
  }

  /** The position of a page in its list. */
  get pageInfo() {
    return this.once('page info', ({ builder }) => addPageInfo(builder));
  }

  get #node() {
    return this.once('node', ({ builder }) => addNodeInterface(builder));
  }

  #addNode(name: string, projection: Projection): void {
    refuseAsNode(name, projection);
    this.#nodes.push({ name, projection });
  }

  /** Adds the queries `node` and `nodes`. Called when all types exist. */
  addNodeQueries(): void {
    const extensions = this.readsFrom(...this.#nodes.map(({ projection }) => projection));
    addNodeQueries(this.builder, this.#node, this.#nodes, extensions);
  }

  /** Creates something that several domains use, when it is first needed. */
  once<T>(name: string, make: (api: Api) => T): T {
    if (!this.#shared.has(name)) this.#shared.set(name, make(this));
    return this.#shared.get(name) as T;
  }

  /** The type of another domain's projection, for fields that lead to it. That domain must be mounted before. */
  typeOf<Table extends PgTable>(projection: Projection<Table>): ReadModelType<Table> {
    const model = this.#models.get(projection as unknown as Projection);
    if (!model) {
      this.#refuseUnmounted(projection);
      const sentence = `Projection ${projection.name} has no type yet: its domain comes later. Put that domain before this one in the domains of the application.`;
      throw new DefinitionError('MOUNTED_LATER', { projection: projection.name }, sentence);
    }
    return model as unknown as ReadModelType<Table>;
  }

  /**
   * The query `name(id: ID!)`: the row with this key; null if there is none or the actor may not see it.
   * @param key the argument, if it is not `id`.
   * @throws {DefinitionError} KEY_UNSUPPORTED if the key has several columns.
   */
  queryByKey<Table extends PgTable>(name: string, model: ReadModelType<Table>, description: string, key = ID): void {
    addQueryByKey(this.builder, { name, model, description, key });
  }

  /**
   * The type `name` of the versions of a read model's rows, former ones and present ones: every field of the rows' type
   * that its author declares but `id`, the id of the row under another name, `validFrom` and `validUntil`. The rows'
   * type gets the field `versions`, a list of them, newest first. The read model must keep its history and have a
   * column `version`.
   *
   * @throws {DefinitionError} HISTORY_INCOMPLETE if it has not.
   * @throws {DefinitionError} KEY_UNSUPPORTED if the key has several columns.
   */
  versions<Table extends PgTable>(
    name: string,
    model: ReadModelType<Table>,
    options: VersionOptions,
  ): VersionType<Table> {
    const extensions = this.readsFrom(model.projection);
    return addVersions(this.builder, name, model, { ...options, pageInfo: this.pageInfo, extensions });
  }

  /**
   * The query `name(id: ID!, at: DateTime, version: Int)`: the version of the row with this key that was valid at that
   * time, or that has that number; null if there is none, or the actor may not see it.
   */
  queryAsOf<Table extends PgTable>(name: string, versions: VersionType<Table>, description: string): void {
    addQueryAsOf(this.builder, name, versions, description);
  }

  /**
   * The subscription `name(id: ID!, after: ConsistencyToken)`: the row now, and again each time it changes.
   * @param key the argument, if it is not `id`.
   * @throws {DefinitionError} KEY_UNSUPPORTED if the key has several columns.
   */
  subscriptionToRow<Table extends PgTable>(
    name: string,
    model: ReadModelType<Table>,
    description: string,
    key = ID,
  ): void {
    addSubscriptionToRow(this.builder, { name, model, description, key });
  }

  /** The arguments of a Relay connection. */
  pageArguments(t: ArgumentBuilder) {
    return pageArguments(t);
  }

  /** Extensions of a field or type that is resolved from these read models, in addition to those of its type. */
  readsFrom(...projections: readonly { readonly name: string }[]): ReadModelExtensions {
    for (const projection of projections) this.#refuseUnmounted(projection);
    return { readModels: projections.map(({ name }) => name) };
  }

  /**
   * Extensions of a field of a read model's type: the columns that its resolver reads, by property. With this, a list that is given
   * its `info` leaves out long columns that no selected field reads. An exposed field (`t.expose…`) needs none. A field without it
   * makes the list read all columns.
   */
  columns<Table extends PgTable>(
    _projection: Projection<Table>,
    ...columns: readonly (keyof Row<Table> & string)[]
  ): ColumnExtensions {
    return { columns };
  }

  /** A key in the form that the read model stores. @throws {BadUserInputError} if it cannot be a key. */
  keyFor(projection: { readonly key: Projection['key'] }, key: string): string {
    return keyFor(projection, key);
  }

  /** The id of any aggregate, in the form that read models store. @throws {BadUserInputError} if it is not an id. */
  idFrom(text: string): string {
    return uuidFrom(text);
  }

  /** Text that can be sent to Postgres. @throws {BadUserInputError} if it contains NUL or half of a surrogate pair. */
  storableText(text: string, what: string): string {
    return storableText(text, what);
  }

  /** The words of a search; none if there is no search. @throws {BadUserInputError} if it is longer than anybody would type. */
  searchWords(search: string | null | undefined): string[] {
    return searchWords(search);
  }

  /**
   * The input type of an object schema that commands use too, for an argument or a field of a filter. Its values are not
   * checked before they are resolved: pass them to {@link checked}.
   */
  inputOf<Schema extends z.ZodObject>(schema: Schema): InputRef<z.input<Schema>> {
    return this.#inputs.object(schema) as InputRef<z.input<Schema>>;
  }

  /** An input as its schema makes it. @throws {BadUserInputError} if it does not fit the schema. */
  checked<Schema extends z.ZodType>(schema: Schema, input: z.input<Schema>): z.output<Schema> {
    const { data, error } = schema.safeParse(input);
    if (error) throw new BadUserInputError(error.issues.map(({ message }) => message).join(' '));
    return data as z.output<Schema>;
  }

  /** Refuses the request. @param message says why, and what to ask for instead. @throws {BadUserInputError} always. */
  refuse(message: string): never {
    throw new BadUserInputError(message);
  }

  /** Nothing fills the table of a projection that no domain lists, and nothing says how far it is. */
  #refuseUnmounted(projection: { readonly name: string }): void {
    const { name } = projection;
    const mounted = this.#projections.get(name);
    if (mounted === projection) return;
    const why = mounted
      ? 'is not the projection of this name that a domain lists. Import the same definition in both places'
      : 'is in no domain: nothing fills its table. Add it to the projections of its domain';
    throw new DefinitionError(
      'NOT_MOUNTED',
      { projection: name },
      `The API reads from projection ${name}, which ${why}.`,
    );
  }

  /**
   * The types `NameConnection` and `NameEdge` over a read model's rows, for fields that resolve `rows.page(…)`. The
   * list can be read in both directions and counted.
   */
  connection<Table extends PgTable>(name: string, model: ReadModelType<Table>) {
    return addConnection<Row<Table>>(this.builder, name, {
      type: model.ref,
      pageInfo: this.pageInfo,
      plural: model.projection.name,
      extensions: this.readsFrom(model.projection),
    });
  }
}
