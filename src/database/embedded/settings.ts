/**
 * Postgres's settings for a small machine that it shares with the server: durable, and tuned for many short
 * transactions. They are passed on the command line at each start, so they follow the code and not the age of the
 * cluster.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket below a deep folder would exceed the system's limit for its path (about 100 bytes).
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  work_mem: '16MB',
  maintenance_work_mem: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  max_wal_size: '4GB',
  wal_buffers: '16MB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: '0.9',
  random_page_cost: '1.1',
  jit: 'off',
  // Otherwise each connection loads it when it appends for the first time.
  shared_preload_libraries: 'plpgsql',
  // Parallel plans need shared memory segments, for which a container has only 64 MB by default.
  max_parallel_workers_per_gather: '0',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  logging_collector: 'off',
  log_checkpoints: 'off',
};

/** The command line of the postmaster for the cluster in `folder`; `overrides` win over our settings. */
export function postmasterArguments(folder: string, port: number, overrides: Record<string, string>): string[] {
  const settings = Object.entries({ ...SETTINGS, ...overrides, port: String(port) });
  return ['-D', folder, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** The environment of Postgres's programs: that of this process, without variables for their language or their connection. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG|NODE_|npm_)/i.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}
