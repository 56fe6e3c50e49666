import { z } from 'zod';
import { personal } from '../../index.ts';
import { text } from './fields.ts';

/** An address in events and rows. */
export const Address = personal(
  z.object({
    line1: z.string(),
    line2: z.string().nullish(),
    city: z.string(),
    postalCode: z.string(),
    country: z.string(),
  }),
);
export type Address = z.output<typeof Address>;

/** An address in an input. */
export const AddressInput = z
  .object({
    line1: text('The first line', 200, 'Street and number.'),
    line2: z
      .string()
      .trim()
      .max(200, 'The second line must not be longer than 200 characters.')
      .nullish()
      .describe('Flat, floor, company: anything that does not fit in the first line.'),
    city: text('The city', 200, 'City or town.'),
    postalCode: text('The postal code', 200, 'Postal code, as the country writes it.'),
    country: text('The country', 200, 'Name or ISO 3166 code of the country.'),
  })
  .meta({ id: 'AddressInput', description: 'A shipping address.' });
