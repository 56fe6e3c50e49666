import type { Api } from '../../graphql/index.ts';
import type { Address } from './address.ts';
import type { Money } from './money.ts';

/** The shop's value types in the API; created once, by the first domain that needs them. */
export function valueTypes(api: Api) {
  return api.once('shop value types', ({ builder }) => ({
    Money: builder.objectRef<Money>('Money').implement({
      description: 'Minor units: 1999 GBP is 19.99 pounds.',
      fields: (t) => ({
        amount: t.expose('amount', { type: 'SafeInt', description: 'In minor units of the currency.' }),
        currency: t.exposeString('currency', { description: 'ISO 4217 code.' }),
      }),
    }),
    Address: builder.objectRef<Address>('Address').implement({
      description: 'A shipping address.',
      fields: (t) => ({
        line1: t.exposeString('line1', { description: 'Street and number.' }),
        line2: t.string({
          nullable: true,
          description: 'The kind in more detail.',
          resolve: ({ line2 }) => line2 ?? null,
        }),
        city: t.exposeString('city', { description: 'City.' }),
        postalCode: t.exposeString('postalCode', { description: 'Postal code.' }),
        country: t.exposeString('country', { description: 'Country.' }),
      }),
    }),
  }));
}

/** The values of an enum with their descriptions, as Pothos takes them. */
export function describedValues<Value extends string>(
  descriptions: Readonly<Record<Value, string>>,
): Record<Value, { readonly description: string }> {
  const entries = Object.entries<string>(descriptions).map(([value, description]) => [value, { description }]);
  return Object.fromEntries(entries) as Record<Value, { readonly description: string }>;
}
