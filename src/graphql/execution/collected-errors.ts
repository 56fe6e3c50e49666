import { type GraphQLError, isNonNullType, locatedError } from 'graphql';
import type { ExecutionErrors, FieldPath, FieldPlan } from './types.ts';

/** The errors of an answer. */
export class CollectedErrors implements ExecutionErrors {
  readonly list: GraphQLError[] = [];
  /** Places that are null because of an error; undefined for the whole answer. */
  readonly #nulled = new Set<FieldPath | undefined>();

  add(error: GraphQLError, path: FieldPath | undefined): void {
    for (let at = path; at; at = at.prev) if (this.#nulled.has(at)) return;
    if (this.#nulled.has(undefined)) return;
    this.#nulled.add(path);
    this.list.push(error);
  }

  nullFor(error: unknown, { nodes }: FieldPlan, type: FieldPlan['field']['type'], path: FieldPath): null {
    const located = locatedError(error, nodes, keysOf(path));
    if (isNonNullType(type)) throw located;
    this.add(located, path);
    return null;
  }
}

function keysOf(path: FieldPath): (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at: FieldPath | undefined = path; at; at = at.prev) keys.push(at.key);
  return keys.reverse();
}
