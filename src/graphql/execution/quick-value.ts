import { type GraphQLOutputType, getNullableType, isLeafType, isNonNullType } from 'graphql';
import { DATE_BYTES } from '../../kernel/bytes.ts';
import { jsonLength } from '../answer/json-length.ts';
import type { QuickValue } from './types.ts';

/**
 * The quick way to the value of a field that shows a property, if its type is a scalar or an enum. It takes what nearly
 * all of them are: a value that is there, that fits the type, and for which the budget has room. For anything else it
 * leaves no trace, and the field is executed as any other, which reads the property again.
 */
export function quickValueOf(type: GraphQLOutputType, property: string, fieldBytes: number): QuickValue | undefined {
  const leaf = getNullableType(type);
  if (!isLeafType(leaf)) return undefined;
  const isNullable = !isNonNullType(type);
  return (source, budget) => {
    try {
      const value = (source as Record<string, unknown>)[property];
      if (value === null || value === undefined) {
        return isNullable && budget.takeIfFree(fieldBytes) ? null : undefined;
      }
      let bytes = fieldBytes;
      if (typeof value === 'string') bytes += jsonLength(value);
      else if (value instanceof Date) bytes += DATE_BYTES;
      // JSON has to be counted, a promise has to be waited for, and an error counts as thrown.
      else if (typeof value === 'object') return undefined;
      const answered = leaf.serialize(value) ?? undefined;
      return answered !== undefined && budget.takeIfFree(bytes) ? answered : undefined;
    } catch {
      return undefined;
    }
  };
}
