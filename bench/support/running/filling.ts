// Fills the read models of the shop that BENCH_READ_MODELS names, all without processes unless given, from the log of the database
// in DATABASE_URL, in a process of its own. Its only message says how long that took and how much memory it held at most.
import { domains } from '../../../src/domains/index.ts';
import { openEngine } from './engine.ts';

/** What filling read models took. */
export interface Filled {
  readonly ms: number;
  /** The largest resident memory of the process, in bytes. */
  readonly bytes: number;
  readonly readModels: number;
}

const wanted = process.env.BENCH_READ_MODELS?.split(',');
// Processes would act on orders of long ago.
const mounted = domains
  .filter(({ processes = [] }) => processes.length === 0)
  .map((domain) => ({
    ...domain,
    projections: domain.projections.filter(({ name }) => wanted?.includes(name) ?? true),
  }));
const engine = await openEngine(process.env.DATABASE_URL ?? '', mounted);
const { position } = await engine.log.head();
const began = performance.now();
await engine.start();
const { positions } = engine.projector;
await Promise.all(positions.names.map((name) => positions.reached(name, position)));
const ms = performance.now() - began;
const bytes = process.resourceUsage().maxRSS * 1024;
await engine.close();
process.send?.({ ms, bytes, readModels: positions.names.length } satisfies Filled);
process.disconnect?.();
