import { isoText } from '../../../text/instants.ts';
import { BadUserInputError } from '../../errors.ts';

/** A row's place in a list: the value that the list is sorted by and the values of its key, as text. */
export type Cursor = readonly string[];

/** @param sortName names the order of the list: a cursor of a list in another order is refused. */
export function encodeCursor(sortName: string, values: readonly unknown[]): string {
  const texts = values.map((value) => (value instanceof Date ? isoText(value) : String(value)));
  return Buffer.from(JSON.stringify([sortName, ...texts])).toString('base64url');
}

/**
 * @param length number of values that a cursor of this list holds.
 * @throws {BadUserInputError} if it is not a cursor of a list in this order.
 */
export function decodeCursor(cursor: string, sortName: string, length: number): Cursor {
  try {
    const [name, ...values] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const fits = values.length === length && values.every((value: unknown) => typeof value === 'string');
    if (name === sortName && fits) return values;
  } catch {
    // The error below says it.
  }
  throw new BadUserInputError('This cursor is not one of this list in this order; begin again without it.');
}

/** Refuses a forged cursor, whose value the column's type may not take (SQLSTATE class 22). @throws always. */
export function refuseBadCursor(error: unknown): never {
  const { cause } = error as { cause?: { code?: string } };
  if (cause?.code?.startsWith('22')) throw new BadUserInputError('This cursor is not one of this list.');
  throw error;
}
