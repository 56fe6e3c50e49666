import { defaultFieldResolver, type GraphQLResolveInfo, getArgumentValues } from 'graphql';
import { infoOf, isPromise, pathTo, type Resolver } from './run.ts';
import type { Execution, FieldPath, FieldPlan, SelectionPlan } from './types.ts';

/** An object of the answer. */
export type Data = Record<string, unknown>;

/**
 * Executes the fields of an object side by side.
 * @returns the object, or a promise if any field has to be waited for. It rejects, or this throws, if the object cannot be answered.
 */
export function executeFields(
  run: Execution,
  selection: SelectionPlan,
  source: unknown,
  path: FieldPath | undefined,
): Data | Promise<Data> {
  const data = emptyData(selection);
  let pending: string[] | undefined;
  try {
    for (const field of selection) {
      const value = executeField(run, field, source, path);
      data[field.key] = value;
      if (isPromise(value)) {
        pending ??= [];
        pending.push(field.key);
      }
    }
  } catch (error) {
    if (!pending) throw error;
    // Nobody else handles what the fields before this one reject with.
    return settled(data, pending).finally(() => {
      throw error;
    });
  }
  return pending ? settled(data, pending) : data;
}

/** The same for commands: each field is executed when the one before it is answered. */
export function executeSerially(run: Execution, selection: SelectionPlan, source: unknown): Data | Promise<Data> {
  const data = emptyData(selection);
  const executeFrom = (first: number): Data | Promise<Data> => {
    for (let nth = first; nth < selection.length; nth++) {
      const field = selection[nth] as FieldPlan;
      const value = executeField(run, field, source, undefined);
      data[field.key] = value;
      if (isPromise(value)) {
        return value.then((resolved) => {
          data[field.key] = resolved;
          return executeFrom(nth + 1);
        });
      }
    }
    return data;
  };
  return executeFrom(0);
}

/** Only with an own property of this name has a plain object no prototype that a value could replace. */
function emptyData(selection: SelectionPlan): Data {
  return selection.some(({ key }) => key === '__proto__') ? Object.create(null) : {};
}

/** The object, once its pending fields are resolved. */
async function settled(data: Data, pending: readonly string[]): Promise<Data> {
  const values = await Promise.all(pending.map((key) => data[key]));
  for (const [nth, key] of pending.entries()) data[key] = values[nth];
  return data;
}

function executeField(run: Execution, field: FieldPlan, source: unknown, parent: FieldPath | undefined): unknown {
  const value = field.quick?.(source, run.context.budget);
  if (value !== undefined) return value;
  return field.property === undefined
    ? executeResolver(run, field, source, parent)
    : executeProperty(run, field, field.property, source, parent);
}

/** A field that shows a property. Its path and its info are made only if somebody needs them. */
function executeProperty(
  run: Execution,
  field: FieldPlan,
  property: string,
  source: unknown,
  parent: FieldPath | undefined,
): unknown {
  let made: FieldPath | undefined;
  const path = () => {
    made ??= pathTo(parent, field.key, field.parent.name);
    return made;
  };
  try {
    chargeField(run, field, path);
    let value: unknown;
    try {
      value = (source as Record<string, unknown>)[property];
    } catch (error) {
      throw failure(run, field, error, path());
    }
    return isPromise(value) ? later(run, field, value, path()) : completed(run, field, value, path);
  } catch (error) {
    return run.errors.nullFor(error, field, field.field.type, path());
  }
}

function executeResolver(run: Execution, field: FieldPlan, source: unknown, parent: FieldPath | undefined): unknown {
  const path = pathTo(parent, field.key, field.parent.name);
  const toPath = () => path;
  try {
    chargeField(run, field, toPath);
    const value = resolve(run, field, source, infoOf(run, field, path));
    return isPromise(value) ? later(run, field, value, path) : completed(run, field, value, toPath);
  } catch (error) {
    return run.errors.nullFor(error, field, field.field.type, path);
  }
}

function resolve(run: Execution, plan: FieldPlan, source: unknown, info: GraphQLResolveInfo): unknown {
  const { field, nodes } = plan;
  const node = nodes[0] as (typeof nodes)[number];
  const args = field.args.length === 0 ? {} : getArgumentValues(field, node, run.variables as never);
  try {
    return ((field.resolve ?? defaultFieldResolver) as Resolver)(source, args, run.context, info);
  } catch (error) {
    throw failure(run, plan, error, info.path);
  }
}

/** Completes a value that the field has to wait for. */
async function later(run: Execution, field: FieldPlan, promise: Promise<unknown>, path: FieldPath): Promise<unknown> {
  try {
    let value: unknown;
    try {
      value = await promise;
    } catch (error) {
      throw failure(run, field, error, path);
    }
    return await completed(run, field, value, () => path);
  } catch (error) {
    return run.errors.nullFor(error, field, field.field.type, path);
  }
}

/** Charges and completes a value. @returns it as it is answered, or a promise, which does not reject if null is allowed. */
function completed(run: Execution, field: FieldPlan, value: unknown, path: () => FieldPath): unknown {
  const charged = field.charge ? field.charge(value, run.context.budget, () => infoOf(run, field, path())) : value;
  const done = isPromise(charged)
    ? charged.then((elements) => field.complete(run, field, path, elements))
    : field.complete(run, field, path, charged);
  if (!isPromise(done)) return done;
  return done.then(undefined, (error) => run.errors.nullFor(error, field, field.field.type, path()));
}

function chargeField(run: Execution, { bytes }: FieldPlan, path: () => FieldPath): void {
  const { budget } = run.context;
  if (bytes > 0 && !budget.take(bytes)) budget.refuse(path());
}

/** The error of a resolver, which costs bytes too. */
function failure(run: Execution, { bytes }: FieldPlan, error: unknown, path: FieldPath): unknown {
  return bytes > 0 ? run.context.budget.failed(error, path) : error;
}
