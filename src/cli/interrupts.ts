import { constants } from 'node:os';
import { onLauncherGone } from '../server/launcher.ts';
import { InterruptedError } from './errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A signal to the whole process group arrives twice: directly, and forwarded by the launcher. */
const SAME_SIGNAL_MS = 500;

/**
 * Turns the process's signals into an AbortSignal: the first lets the command release what it holds, a later one ends
 * the process at once.
 */
export function watchInterrupts(): AbortSignal {
  const controller = new AbortController();
  let since = 0;
  const interrupt = (name: (typeof SIGNALS)[number]) => {
    const interrupted = new InterruptedError(name, constants.signals[name]);
    if (controller.signal.aborted && performance.now() - since > SAME_SIGNAL_MS) process.exit(interrupted.exitCode);
    if (controller.signal.aborted) return;
    since = performance.now();
    controller.abort(interrupted);
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  onLauncherGone(() => interrupt('SIGTERM'));
  return controller.signal;
}
