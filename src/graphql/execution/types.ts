import type {
  FieldNode,
  FragmentDefinitionNode,
  GraphQLError,
  GraphQLField,
  GraphQLObjectType,
  GraphQLOutputType,
  GraphQLResolveInfo,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import type { AnswerBudget } from '../answer/budget.ts';

export type FieldPath = GraphQLResolveInfo['path'];

/** InfoFragments by their names. */
export type InfoFragments = Readonly<Record<string, FragmentDefinitionNode>>;

/** One execution of an operation. */
export interface Execution {
  readonly schema: GraphQLSchema;
  readonly fragments: InfoFragments;
  readonly operation: OperationDefinitionNode;
  /** As they were coerced. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly root: unknown;
  readonly context: { readonly budget: AnswerBudget };
  readonly errors: ExecutionErrors;
}

/** The errors of a run. */
export interface ExecutionErrors {
  /** Adds an error, unless its place is within one that is null already: then the answer has no such place. */
  add(error: GraphQLError, path: FieldPath | undefined): void;
  /** Makes a field or an element that failed null. @throws {GraphQLError} if its type does not allow null. */
  nullFor(error: unknown, field: FieldPlan, type: GraphQLOutputType, path: FieldPath): null;
}

/** A field of a selection, with everything about its execution that does not depend on the value of its object. */
export interface FieldPlan {
  /** Its name in the answer. */
  readonly key: string;
  readonly field: GraphQLField<unknown, unknown>;
  readonly parent: GraphQLObjectType;
  readonly nodes: readonly FieldNode[];
  /** The property of its object that it shows, if it has no resolver of its own. */
  readonly property: string | undefined;
  /** The quick way to its value, if there is one. */
  readonly quick: QuickValue | undefined;
  /** Bytes that it costs besides its value; 0 for introspection, which is free. */
  readonly bytes: number;
  /** Charges its value; undefined if the value costs nothing more. */
  readonly charge: Charge | undefined;
  readonly complete: Complete;
  /** The selection within it, for an object of this type. @throws {GraphQLError} if a condition has no value. */
  selectionFor(type: GraphQLObjectType, run: Execution): SelectionPlan;
}

/** The fields that are selected of an object, in the order of the answer. */
export type SelectionPlan = readonly FieldPlan[];

/**
 * Charges and completes a field at once, if nothing about it is unusual.
 * @param source the object that has the field.
 * @returns its value in the answer. Undefined if the field has to be executed; then nothing was charged.
 */
export type QuickValue = (source: unknown, budget: AnswerBudget) => unknown;

/**
 * Charges a resolved value before it is completed.
 * @returns the value, or what is completed in its place.
 * @throws {GraphQLError} if the budget is exhausted.
 */
export type Charge = (value: unknown, budget: AnswerBudget, info: () => ChargedInfo) => unknown;

type ChargedInfo = Pick<GraphQLResolveInfo, 'path' | 'fieldNodes' | 'fragments'>;

/**
 * Makes a resolved value into what the answer has in its place (CompleteValue in the GraphQL specification).
 * @param path of the field or the element of a list.
 * @returns it, or a promise of it.
 * @throws if there is no such value.
 */
export type Complete = (run: Execution, field: FieldPlan, path: () => FieldPath, value: unknown) => unknown;
