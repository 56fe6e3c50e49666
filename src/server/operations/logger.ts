import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { EngineSubscriber } from '../../kernel/observe/occurrences.ts';
import type { Config } from '../../settings/config.ts';
import { withoutCredentials } from '../../text/credentials.ts';
import { terminalSafe } from '../../text/terminal.ts';
import { describeError } from './described-error.ts';

/** Property names that hold credentials, at the top of a log entry, in an object, or in that object's headers. */
const CREDENTIALS = ['authorization', 'Authorization', 'cookie', 'authJwtSecret', 'databaseUrl'];

const REDACTED_PATHS = CREDENTIALS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/**
 * The application's logger: JSON lines in production, or if standard output is not a terminal; otherwise readable
 * lines. Credentials are replaced by `[redacted]`.
 * @param destination of the JSON lines instead of standard output.
 */
export function createLogger(config: Pick<Config, 'logLevel' | 'nodeEnv'>, destination?: DestinationStream): Logger {
  const readable = destination === undefined && config.nodeEnv !== 'production' && process.stdout.isTTY;
  return pino(
    {
      level: config.logLevel,
      serializers: { err: describeError },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // JSON escapes control characters, but the readable format would undo that.
      ...(readable && { hooks: { streamWrite: escapeControls } }),
      hooks: { streamWrite: readable ? shown : clean },
    },
    // In this thread and unbuffered, so that the last words before a crash are not lost in a worker.
    readable
      ? pretty({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true })
      : (destination ?? pino.destination({ fd: 1, sync: true })),
  );
}

/** A log line without credentials of URLs, and without control characters for terminals. */
function clean(line: string): string {
  return `${terminalSafe(withoutCredentials(line.trimEnd()))}\n`;
}

/** The same for the readable format, which removes the escapes of JSON. */
function shown(line: string): string {
  return clean(line).replace(/\\\\|\\u(?=[\da-f]{4})/gi, (found) => (found === '\\\\' ? found : '\\\\u'));
}

/**
 * A JSON line in which control characters of texts, except for line ends and tabs, stay escaped in the readable format,
 * because a terminal would execute them. The same applies to characters that change the direction of text.
 */
export function escapeControls(line: string): string {
  return line
    .replace(/(?<!\\)((?:\\\\)*)\\(?=[bfr])/g, '$1\\\\')
    .replace(/(?<!\\)((?:\\\\)*)\\(?=u00[01])/g, '$1\\\\')
    .replace(
      /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
      (character) => `\\\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
}

/** Writes a line at level debug for each command and each batch of a projection; nothing if that level is off. */
export function workLog(logger: Logger): EngineSubscriber {
  if (!logger.isLevelEnabled('debug')) return {};
  return {
    commandAnswered: ({ ms, ...facts }) => logger.debug({ ...facts, ms: rounded(ms) }, 'a command was answered'),
    batchFolded: ({ ms, lagMs, ...facts }) =>
      logger.debug({ ...facts, ms: rounded(ms), lagMs: rounded(lagMs) }, 'a projection moved on'),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
