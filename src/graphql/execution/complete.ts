import { inspect } from 'node:util';
import {
  type GraphQLAbstractType,
  GraphQLError,
  type GraphQLLeafType,
  type GraphQLList,
  type GraphQLObjectType,
  type GraphQLOutputType,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
} from 'graphql';
import { depthOf, elementsOf, isIterable } from './elements.ts';
import { executeFields } from './fields.ts';
import { infoOf, isPromise, pathTo } from './run.ts';
import { runtimeTypeOf } from './runtime-type.ts';
import type { Complete, Execution, FieldPath, FieldPlan } from './types.ts';

/** How values of a type are completed. */
export function completionOf(type: GraphQLOutputType): Complete {
  if (isNonNullType(type)) return nonNull(completionOf(type.ofType));
  if (isListType(type)) return listOf(type);
  if (isLeafType(type)) return leafOf(type);
  return isAbstractType(type) ? abstractOf(type) : objectOf(type);
}

/** Null is null, and an error that a resolver returns counts as thrown. */
function unlessNull(complete: Complete): Complete {
  return (run, field, path, value) => {
    if (value instanceof Error) throw value;
    return value === null || value === undefined ? null : complete(run, field, path, value);
  };
}

function nonNull(complete: Complete): Complete {
  return (run, field, path, value) => {
    const completed = complete(run, field, path, value);
    if (completed !== null) return completed;
    throw new Error(`Cannot return null for non-nullable field ${field.parent.name}.${field.field.name}.`);
  };
}

function leafOf(type: GraphQLLeafType): Complete {
  return unlessNull((_run, _field, _path, value) => {
    const serialized = type.serialize(value);
    if (serialized !== null && serialized !== undefined) return serialized;
    throw new Error(`Value ${inspect(value)} cannot be written as ${type.name}.`);
  });
}

function listOf(type: GraphQLList<GraphQLOutputType>): Complete {
  const { ofType } = type;
  const depth = depthOf(type);
  const completeElement = completionOf(ofType);
  return unlessNull((run, field, path, value) => {
    if (!isIterable(value)) {
      const name = `${field.parent.name}.${field.field.name}`;
      throw new GraphQLError(`Expected Iterable, but did not find one for field "${name}".`);
    }
    const list = path();
    const elements: unknown[] = [];
    let isPending = false;
    for (const element of elementsOf(value, depth)) {
      const index = elements.length;
      let made: FieldPath | undefined;
      const toElement = () => {
        made ??= pathTo(list, index, undefined);
        return made;
      };
      const nullFor = (error: unknown) => run.errors.nullFor(error, field, ofType, toElement());
      try {
        const completed = isPromise(element)
          ? element.then((resolved) => completeElement(run, field, toElement, resolved))
          : completeElement(run, field, toElement, element);
        isPending ||= isPromise(completed);
        elements.push(isPromise(completed) ? completed.then(undefined, nullFor) : completed);
      } catch (error) {
        elements.push(nullOrThrow(() => nullFor(error), elements));
      }
    }
    return isPending ? Promise.all(elements) : elements;
  });
}

/** If the list fails because of an element, nobody else handles what the elements before it reject with. */
function nullOrThrow(nullFor: () => null, before: readonly unknown[]): null {
  try {
    return nullFor();
  } catch (error) {
    void Promise.allSettled(before);
    throw error;
  }
}

function objectOf(type: GraphQLObjectType): Complete {
  return unlessNull((run, field, path, value) => completeObject(type, run, field, path(), value));
}

function abstractOf(type: GraphQLAbstractType): Complete {
  return unlessNull((run, field, toPath, value) => {
    const path = toPath();
    const found = runtimeTypeOf(type, run, field, path, value);
    return isPromise(found)
      ? found.then((runtimeType) => completeObject(runtimeType, run, field, path, value))
      : completeObject(found, run, field, path, value);
  });
}

function completeObject(
  type: GraphQLObjectType,
  run: Execution,
  field: FieldPlan,
  path: FieldPath,
  value: unknown,
): unknown {
  const execute = () => executeFields(run, field.selectionFor(type, run), value, path);
  if (!type.isTypeOf) return execute();
  const check = (isOfType: boolean) => {
    if (isOfType) return execute();
    const message = `Expected value of type "${type.name}" but got: ${inspect(value)}.`;
    throw new GraphQLError(message, { nodes: field.nodes });
  };
  const isOfType = type.isTypeOf(value, run.context, infoOf(run, field, path));
  return isPromise(isOfType) ? isOfType.then(check as never) : check(isOfType as boolean);
}
