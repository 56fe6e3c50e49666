import { constants } from 'node:os';
import { onLauncherGone } from '../server/launcher.ts';
import { InterruptedError } from './errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Turns the process's signals into an AbortSignal: the first lets the command give up what it holds, the second ends the
 * process at once.
 */
export function watchInterrupts(): AbortSignal {
  const controller = new AbortController();
  for (const name of SIGNALS) {
    process.on(name, () => {
      const interrupted = new InterruptedError(name, constants.signals[name]);
      if (controller.signal.aborted) process.exit(interrupted.exitCode);
      controller.abort(interrupted);
    });
  }
  onLauncherGone(() => controller.abort(new InterruptedError('SIGHUP', constants.signals.SIGHUP)));
  return controller.signal;
}
