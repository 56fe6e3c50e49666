import type { InputRef } from '@pothos/core';
import { z } from 'zod';
import { DefinitionError } from '../../kernel/define/definition-error.ts';
import type { Builder } from '../builder.ts';

type AnyRef = InputRef<unknown> | 'String' | 'ID' | 'Int' | 'Float' | 'Boolean' | 'SafeInt' | 'DateTime';
interface FieldType {
  readonly type: AnyRef | [AnyRef];
  readonly required: boolean | { list: boolean; items: boolean };
}

/**
 * Derives GraphQL input types from zod schemas, so that an input is written once. A nested object needs a name:
 * `.meta({ id: 'AddressInput' })`. The same schema is the same type wherever it is used.
 */
export class InputTypes {
  readonly #builder: Builder;
  readonly #types = new Map<string, { readonly schema: z.ZodType; readonly ref: InputRef<unknown> }>();

  constructor(builder: Builder) {
    this.#builder = builder;
  }

  /**
   * The input type of an object schema.
   * @param unnamed name and description if the schema itself has none.
   * @param owner where it is nested, for the sentence of a mistake.
   * @throws {DefinitionError} if two schemas have one name, or a schema has no counterpart in GraphQL.
   */
  object(
    schema: z.ZodObject,
    unnamed?: { readonly name: string; readonly description: string },
    owner = 'A command',
  ): InputRef<unknown> {
    const name = (schema.meta()?.id as string | undefined) ?? unnamed?.name;
    if (!name) {
      const sentence = `${owner} is an object, which needs a name of its own: z.object({…}).meta({ id: 'SomethingInput' }).`;
      throw new DefinitionError('INPUT_UNSUPPORTED', { input: owner }, sentence);
    }
    const known = this.#types.get(name);
    if (known && known.schema !== schema) {
      const sentence = `Two input schemas are called ${name}. Use the same schema in both places, or give one another name: .meta({ id: '…' }).`;
      throw new DefinitionError('NAME_TAKEN', { kind: 'input', name }, sentence);
    }
    if (known) return known.ref;
    const description = descriptionOf(schema) ?? unnamed?.description;
    const ref = this.#builder.inputRef<Record<string, unknown>>(name);
    this.#types.set(name, { schema, ref });
    ref.implement({
      ...(description ? { description } : {}),
      // The fields are known only at run time, which Pothos' types do not support.
      fields: ((t: { field(options: object): unknown }) =>
        Object.fromEntries(
          Object.entries(schema.shape as Record<string, z.ZodType>).map(([key, type]) => {
            const said = descriptionOf(type);
            return [key, t.field({ ...this.#field(type, name, key), ...(said ? { description: said } : {}) })];
          }),
        )) as never,
    });
    return ref;
  }

  #field(schema: z.ZodType, owner: string, field: string): FieldType {
    const { inner, optional } = unwrap(schema);
    if (inner instanceof z.ZodArray) {
      const element = unwrap(inner.element as z.ZodType);
      const type = this.#named(element.inner, owner, field);
      return { type: [type], required: { list: !optional, items: !element.optional } };
    }
    return { type: this.#named(inner, owner, field), required: !optional };
  }

  #named(schema: z.ZodType, owner: string, field: string): AnyRef {
    if (schema instanceof z.ZodObject) return this.object(schema, undefined, `${owner}.${field}`);
    if (schema instanceof z.ZodBoolean) return 'Boolean';
    if (schema instanceof z.ZodDate) return 'DateTime';
    if (schema instanceof z.ZodNumber) {
      const { format } = schema;
      if (format === 'int32') return 'Int';
      return format === 'safeint' ? 'SafeInt' : 'Float';
    }
    if (schema instanceof z.ZodStringFormat && ['uuid', 'guid'].includes(schema._zod.def.format)) return 'ID';
    if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat) return 'String';
    const { type } = schema._zod.def;
    throw new DefinitionError(
      'INPUT_UNSUPPORTED',
      { input: owner, field, type },
      `The field ${field} of ${owner} is of type ${type}, which has no input type in GraphQL. Take a string, and check it in the schema.`,
    );
  }
}

/** Removes wrappers that make a field optional or only change its value. */
function unwrap(schema: z.ZodType): { inner: z.ZodType; optional: boolean } {
  let inner = schema;
  let optional = false;
  for (;;) {
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable || inner instanceof z.ZodDefault) {
      optional = true;
      inner = inner.unwrap() as z.ZodType;
    } else if (inner instanceof z.ZodPipe) inner = inner.in as z.ZodType;
    else return { inner, optional };
  }
}

function descriptionOf(schema: z.ZodType): string | undefined {
  return schema.description ?? (unwrap(schema).inner.description as string | undefined);
}
