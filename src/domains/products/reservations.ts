/**
 * How many pieces are set aside for each order. A product that sells well has thousands of open orders, and every event makes
 * a new state: they are spread over groups by the end of the order's id (its beginning is a time), so that only one small
 * group is copied.
 */
export type Reservations = Readonly<Record<string, Readonly<Record<string, number>>>>;

const groupOf = (orderId: string) => orderId.slice(-2);

/** How many are set aside for an order. */
export function heldFor(reservations: Reservations, orderId: string): number {
  return reservations[groupOf(orderId)]?.[orderId] ?? 0;
}

/** The same with so many more set aside for an order, or less. */
export function withMore(reservations: Reservations, orderId: string, more: number): Reservations {
  const name = groupOf(orderId);
  const { [orderId]: before = 0, ...others } = reservations[name] ?? {};
  const quantity = before + more;
  if (quantity !== 0) return { ...reservations, [name]: { ...others, [orderId]: quantity } };
  if (Object.keys(others).length > 0) return { ...reservations, [name]: others };
  const { [name]: _, ...rest } = reservations;
  return rest;
}
