import { parseMetrics, type Scrape } from '../../../support/server/prometheus.ts';

interface Server {
  readonly url: string;
}

export async function scrapeOf({ url }: Server): Promise<Scrape> {
  return parseMetrics(await (await fetch(`${url}/metrics`)).text());
}

/** Executions of live queries by a server so far. */
export async function executionsOf(server: Server): Promise<number> {
  const executions = (await scrapeOf(server)).series('afterwrite_live_query_duration_seconds_count');
  return executions.reduce((sum, { value }) => sum + value, 0);
}

/** How many different live queries there are, and how many subscriptions to them. */
export async function liveQueriesOf(server: Server): Promise<{ queries?: number; subscribers?: number }> {
  const scrape = await scrapeOf(server);
  const [queries, subscribers] = ['live_queries', 'live_query_subscribers'].map((name) =>
    scrape.value(`afterwrite_${name}`),
  );
  return { queries: queries ?? 0, subscribers: subscribers ?? 0 };
}
