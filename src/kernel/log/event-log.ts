import type { Database } from '../../database/client.ts';
import type { EventTypes } from '../define/event.ts';
import type { SubjectKeys } from '../privacy/subject-keys.ts';
import { type AppenderOptions, LogAppender } from './append/log-appender.ts';
import { CommandLookup } from './command-lookup.ts';
import { LogReader } from './log-reader.ts';
import { StreamLoader } from './streams/stream-loader.ts';

export interface EventLogOptions extends AppenderOptions {
  /** Maximum size of one page of the log as JSON, in bytes. */
  readonly pageBytes?: number | undefined;
  /** Has the keys of encrypted parts; undefined if there is no keyring. */
  readonly keys?: SubjectKeys | undefined;
}

/**
 * The event log in Postgres, for the write side: dense positions in commit order, one statement for many appends or
 * streams. Code that only follows the log needs a {@link LogReader}.
 */
export class EventLog {
  readonly append: LogAppender['append'];
  readonly load: StreamLoader['load'];
  readonly loadAt: StreamLoader['loadAt'];
  readonly findCommand: CommandLookup['find'];
  readonly read: LogReader['read'];
  readonly readAt: LogReader['readAt'];
  readonly head: LogReader['head'];

  /** @param events every event type that the log may contain, by name. */
  constructor(db: Database, events: EventTypes, options: EventLogOptions = {}) {
    const appender = new LogAppender(db, events, options);
    const loader = new StreamLoader(db, events, options.keys);
    const commands = new CommandLookup(db);
    const reader = new LogReader(db, events, options);
    this.append = (...batch) => appender.append(...batch);
    this.load = (requests) => loader.load(requests);
    this.loadAt = (request) => loader.loadAt(request);
    this.findCommand = (...command) => commands.find(...command);
    this.read = (...page) => reader.read(...page);
    this.readAt = (...positions) => reader.readAt(...positions);
    this.head = () => reader.head();
  }
}
