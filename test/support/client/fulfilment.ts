import { until } from '../until.ts';
import type { Answer, HttpClient } from './http-client.ts';

export interface ShownFulfilment {
  readonly state: string;
  readonly failure: string | null;
  readonly steps: readonly { readonly name: string; readonly at: string }[];
}
export interface ShownOrder {
  readonly status: string;
  readonly cancellationReason: string | null;
  readonly version: number;
}

/** Waits until an order is in one of these statuses. */
export function orderIn(client: HttpClient, id: string, ...statuses: readonly string[]): Promise<ShownOrder> {
  return until(async () => {
    const query = 'query ($id: ID!) { order(id: $id) { status cancellationReason version } }';
    const { data } = await client.query<{ order: ShownOrder | null }>(query, { id });
    return data.order && statuses.includes(data.order.status) ? data.order : undefined;
  }) as Promise<ShownOrder>;
}

/** Waits until a fulfilment is in one of these states. */
export function fulfilmentIn(client: HttpClient, id: string, ...states: readonly string[]): Promise<ShownFulfilment> {
  return until(async () => {
    const { data } = await readFulfilment(client, id);
    return data.fulfilment && states.includes(data.fulfilment.state) ? data.fulfilment : undefined;
  }) as Promise<ShownFulfilment>;
}

export function readFulfilment(
  client: HttpClient,
  id: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer<{ fulfilment: ShownFulfilment | null }>> {
  const query = 'query ($id: ID!) { fulfilment(orderId: $id) { state failure steps { name at } } }';
  return client.query(query, { id }, { headers });
}

export const namesOf = ({ steps }: ShownFulfilment) => steps.map(({ name }) => name);
