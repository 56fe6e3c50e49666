import { z } from 'zod';
import { nonPersonal } from '../../index.ts';

/** Money in events and rows: minor units, so that it is exact (1999 GBP is 19.99 pounds). */
export const Money = z.object({ amount: z.int(), currency: nonPersonal(z.string()) });
export type Money = z.output<typeof Money>;

/** A currency in an input. */
export const currency = (description: string) =>
  z
    .string()
    .regex(/^[A-Z]{3}$/, 'A currency must be three upper-case letters, such as GBP.')
    .describe(description);

/** Money in an input. */
export const MoneyInput = z
  .object({
    amount: z
      .int('An amount must be a whole number of minor units.')
      .nonnegative('An amount must not be negative.')
      .describe('In minor units: 1999 GBP is 19.99 pounds.'),
    currency: currency('ISO 4217 code, such as GBP.'),
  })
  .meta({ id: 'MoneyInput', description: 'An amount of money in minor units: 1999 GBP is 19.99 pounds.' });
export type MoneyInput = z.input<typeof MoneyInput>;
