import { startEmbeddedPostgres } from './embedded/server.ts';
import type { DatabaseObserver } from './occurrences.ts';

/** Which Postgres to use. */
export interface PostgresChoice {
  /** A running server; the embedded one unless given. */
  readonly databaseUrl: string | undefined;
  /** Folder of the embedded one. */
  readonly dataDir: string;
}

/** A Postgres to work with, and how to release it. */
export interface ProvidedPostgres {
  readonly url: string;
  /** 'embedded': ours, in the data folder; 'external': the one that DATABASE_URL names. */
  readonly kind: 'embedded' | 'external';
  /** Stops an embedded server that nobody else uses; resolves when it is gone. */
  release(): Promise<void>;
}

/**
 * The Postgres of the settings: that of DATABASE_URL, otherwise the embedded one in DATA_DIR, started or joined.
 */
export async function providePostgres(
  { databaseUrl, dataDir }: PostgresChoice,
  observer: DatabaseObserver,
): Promise<ProvidedPostgres> {
  if (databaseUrl) return { url: databaseUrl, kind: 'external', release: async () => {} };
  const embedded = await startEmbeddedPostgres({ dataDir, observer });
  return { url: embedded.url, kind: 'embedded', release: () => embedded.release() };
}
