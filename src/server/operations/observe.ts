import type { Logger } from 'pino';
import { Observer } from '../../observe/observer.ts';
import { logBlocks } from '../loop/log-blocks.ts';
import { logFaults } from './faults.ts';
import { workLog } from './logger.ts';
import { logNotices } from './notices.ts';
import type { ServerOccurrences, ServerSubscriber } from './occurrences.ts';

/** The one observer of a server or a worker: occurrences are logged here, and counted by `metrics`. */
export function observeServer(logger: Logger, metrics: ServerSubscriber = {}): Observer<ServerOccurrences> {
  const loopBlocked = logBlocks(logger);
  return new Observer<ServerOccurrences>([
    ...[metrics, workLog(logger), logNotices(logger), logFaults(logger)],
    { loopBlocked },
  ]);
}
