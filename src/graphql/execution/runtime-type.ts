import { inspect } from 'node:util';
import {
  defaultTypeResolver,
  type GraphQLAbstractType,
  GraphQLError,
  type GraphQLObjectType,
  isObjectType,
} from 'graphql';
import { infoOf, isPromise } from './run.ts';
import type { Execution, FieldPath, FieldPlan } from './types.ts';

/** The type of the object that an interface or a union stands for. @throws {GraphQLError} if there is none. */
export function runtimeTypeOf(
  type: GraphQLAbstractType,
  run: Execution,
  field: FieldPlan,
  path: FieldPath,
  value: unknown,
): GraphQLObjectType | Promise<GraphQLObjectType> {
  const resolveType = type.resolveType ?? defaultTypeResolver;
  const name = resolveType(value, run.context, infoOf(run, field, path), type) as unknown;
  const find = (found: unknown) => typeNamed(found, type, run, field, value);
  return isPromise(name) ? name.then(find) : find(name);
}

function typeNamed(
  name: unknown,
  type: GraphQLAbstractType,
  { schema }: Execution,
  { field, nodes, parent }: FieldPlan,
  value: unknown,
): GraphQLObjectType {
  const refuse = (message: string) => new GraphQLError(message, { nodes });
  const place = `for field "${parent.name}.${field.name}"`;
  if (name === null || name === undefined) {
    throw refuse(
      `Abstract type "${type.name}" must resolve to an Object type at runtime ${place}. Either the "${type.name}" type should provide a "resolveType" function or each possible type should provide an "isTypeOf" function.`,
    );
  }
  if (typeof name !== 'string') {
    throw refuse(
      `Abstract type "${type.name}" must resolve to an Object type at runtime ${place} with value ${inspect(value)}, received "${inspect(name)}".`,
    );
  }
  const found = schema.getType(name);
  if (!found) {
    throw refuse(
      `Abstract type "${type.name}" was resolved to a type "${name}" that does not exist inside the schema.`,
    );
  }
  if (!isObjectType(found)) throw refuse(`Abstract type "${type.name}" was resolved to a non-object type "${name}".`);
  if (!schema.isSubType(type, found)) {
    throw refuse(`Runtime Object type "${name}" is not a possible type for "${type.name}".`);
  }
  return found;
}
