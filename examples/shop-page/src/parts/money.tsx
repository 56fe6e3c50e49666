/** An amount of money. The API has it in minor units. */
export function Money({
  of: { amount, currency },
}: {
  readonly of: { readonly amount: number; readonly currency: string };
}) {
  return <span className="money">{formatMoney(amount, currency)}</span>;
}

function formatMoney(amount: number, currency: string): string {
  const format = new Intl.NumberFormat('en-GB', { style: 'currency', currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
