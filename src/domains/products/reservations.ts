/**
 * Reserved pieces by order. A product that sells well has thousands of open orders, and every event creates a new
 * state. So the orders are spread over groups by the end of their ids (the beginning is a time), and only one small
 * group is copied.
 */
export type Reservations = Readonly<Record<string, Readonly<Record<string, number>>>>;

const groupOf = (orderId: string) => orderId.slice(-2);

/** Number reserved for an order. */
export function heldFor(reservations: Reservations, orderId: string): number {
  return reservations[groupOf(orderId)]?.[orderId] ?? 0;
}

/** Adds pieces to the reservation of an order; a negative number removes them. */
export function withMore(reservations: Reservations, orderId: string, more: number): Reservations {
  const name = groupOf(orderId);
  const { [orderId]: before = 0, ...others } = reservations[name] ?? {};
  const quantity = before + more;
  if (quantity !== 0) return { ...reservations, [name]: { ...others, [orderId]: quantity } };
  if (Object.keys(others).length > 0) return { ...reservations, [name]: others };
  const { [name]: _, ...rest } = reservations;
  return rest;
}
