import type { DatabaseObserver, DatabaseOccurrences } from '../../../src/database/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';

/** An observer that adds what the database notices to a list. */
export function noticesTo(notices: string[]): DatabaseObserver {
  return new Observer<DatabaseOccurrences>([{ databaseNoticed: ({ message }) => notices.push(message) }]);
}
