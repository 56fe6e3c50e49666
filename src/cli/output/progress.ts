import cliProgress from 'cli-progress';
import type { Output } from '../cli.ts';
import { formatCount } from './table.ts';

/** Progress of something that takes a while. */
export interface Progress {
  /** Sets how much is done; may be called as often as you like. */
  update(done: number): void;
  /** Ends the display with the current state. */
  stop(): void;
}

export interface ProgressOptions {
  /** The activity, e.g. `Importing`. */
  readonly title: string;
  /** The unit that is counted, e.g. `rows`. */
  readonly unit: string;
  readonly total: number;
  /** Time between two lines if the output is not a terminal, in ms. */
  readonly everyMs?: number;
  /** The clock, in ms. */
  readonly now?: () => number;
}

/** A bar with rate and remaining time on a terminal; elsewhere a plain line every few seconds, fit for a log file. */
export function startProgress(output: Output, options: ProgressOptions): Progress {
  return output.isTTY ? bar(output, options) : lines(output, options);
}

function bar(output: Output, { title, unit, total, now = () => performance.now() }: ProgressOptions): Progress {
  const from = now();
  const single = new cliProgress.SingleBar(
    {
      stream: output,
      format: `${title} {bar} {percentage}% | {done} of {of} ${unit} | {rate} ${unit}/s | {left} left`,
      hideCursor: true,
      // The command handles Ctrl-C: it stops the bar once it has released what it holds.
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  );
  const payload = (done: number) => {
    const { rate, left } = paceOf(done, total, now() - from);
    return { done: formatCount(done), of: formatCount(total), rate: formatCount(rate), left };
  };
  let last = 0;
  single.start(total, 0, payload(0));
  return {
    update: (done) => {
      last = done;
      single.update(done, payload(done));
    },
    stop: () => {
      single.update(last, payload(last));
      single.stop();
    },
  };
}

function lines(
  output: Output,
  { title, unit, total, everyMs = 3000, now = () => performance.now() }: ProgressOptions,
): Progress {
  const from = now();
  let done = 0;
  let written = from;
  let writtenDone = -1;
  const write = () => {
    const { rate, left } = paceOf(done, total, now() - from);
    const percentage = total === 0 ? 100 : Math.floor((done / total) * 100);
    const pace = done < total ? `, ${formatCount(rate)} ${unit}/s, ${left} left` : `, ${formatCount(rate)} ${unit}/s`;
    output.write(`${title}: ${formatCount(done)} of ${formatCount(total)} ${unit} (${percentage}%)${pace}\n`);
    written = now();
    writtenDone = done;
  };
  return {
    update: (value) => {
      done = value;
      if (now() - written >= everyMs) write();
    },
    stop: () => {
      if (done !== writtenDone) write();
    },
  };
}

/**
 * Averaged over the whole time so far: work comes in waves, and the rate of the last second says little about the rest.
 */
function paceOf(done: number, total: number, elapsedMs: number): { rate: number; left: string } {
  const rate = elapsedMs > 0 ? (done / elapsedMs) * 1000 : 0;
  const seconds = rate > 0 ? Math.ceil((total - done) / rate) : Number.POSITIVE_INFINITY;
  return { rate: Math.round(rate), left: formatSeconds(seconds) };
}

function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
