// Loaded into a server with --import: watches its event loop from within, and answers its parent.
import { Session } from 'node:inspector/promises';

/** A stretch of time in which the event loop did nothing else, in ms. */
export interface LoopBlock {
  /** When it ended, by `Date.now()`. */
  readonly at: number;
  /** How long the loop was kept. */
  readonly ms: number;
  /** How much of it the thread was computing: the rest, others had the processor. */
  readonly cpuMs: number;
}

/** `profile` begins a CPU profile, `profiled` ends it. */
export type LoopRequest = 'blocks' | 'heap' | 'profile' | 'profiled';

export interface LoopReport {
  readonly blocks: readonly LoopBlock[];
  /** After a full garbage collection. */
  readonly heapBytes: number;
  /** The result of `profiled`, in the format of Chrome and of editors. */
  readonly profile?: object | undefined;
}

const CHECK_EVERY_MS = 10;
/** Shorter ones are not reported. */
const REPORT_MS = 50;
const MAX_BLOCKS = 1000;

const thread = process as unknown as { threadCpuUsage(): { user: number; system: number } };
const cpuNow = () => {
  const { user, system } = thread.threadCpuUsage();
  return (user + system) / 1000;
};

let blocks: LoopBlock[] = [];
let lastAt = performance.now();
let lastCpu = cpuNow();
setInterval(() => {
  const [at, cpu] = [performance.now(), cpuNow()];
  const [ms, cpuMs] = [at - lastAt - CHECK_EVERY_MS, cpu - lastCpu];
  // A machine that is busy with others keeps the loop too; only what this thread has computed is its own fault.
  if (ms >= REPORT_MS && cpuMs >= REPORT_MS && blocks.length < MAX_BLOCKS) {
    blocks.push({ at: Date.now(), ms: Math.round(ms), cpuMs: Math.round(cpuMs) });
  }
  [lastAt, lastCpu] = [at, cpu];
}, CHECK_EVERY_MS).unref();

const session = new Session();
async function profiled(request: LoopRequest): Promise<object | undefined> {
  if (request === 'profile') {
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
  } else if (request === 'profiled') {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return profile;
  }
  return undefined;
}

process.on('message', async (request: LoopRequest) => {
  if (request === 'heap') (globalThis as { gc?: () => void }).gc?.();
  const profile = await profiled(request);
  const report: LoopReport = { blocks, heapBytes: request === 'heap' ? process.memoryUsage().heapUsed : 0, profile };
  if (request === 'blocks') blocks = [];
  // The collection above is no block of the server's.
  [lastAt, lastCpu] = [performance.now(), cpuNow()];
  process.send?.(report);
});
process.channel?.unref();
