import { parseMetrics } from '../../../support/server/prometheus.ts';

/** Executions of live queries by a server so far. */
export async function executionsOf({ url }: { readonly url: string }): Promise<number> {
  const scrape = parseMetrics(await (await fetch(`${url}/metrics`)).text());
  return scrape.series('afterwrite_live_query_duration_seconds_count').reduce((sum, { value }) => sum + value, 0);
}
