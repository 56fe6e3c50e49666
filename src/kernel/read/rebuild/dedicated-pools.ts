import type { Database } from '../../../database/client.ts';
import type { EventTypes } from '../../define/event.ts';
import type { LogReader } from '../../log/log-reader.ts';
import type { SubjectKeys } from '../../privacy/subject-keys.ts';

/** Connections for a rebuild or a comparison, so that it takes none from the live read models. */
export interface DedicatedPools {
  readonly projector: Database;
  /** With the rights of the tables' owner. */
  readonly owner: Database;
  readonly log: LogReader;
  /** Every event type that the log may contain, by name. */
  readonly events: EventTypes;
  /** The keys of personal data; undefined if there is no keyring. */
  readonly keys?: SubjectKeys | undefined;
  close(): Promise<void>;
}
