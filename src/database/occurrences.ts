import { Observer } from '../observe/observer.ts';

/** All occurrences that the database layer reports, by name. */
export interface DatabaseOccurrences {
  /** An operator should know this about the database. Told while it is set up, as one sentence. */
  readonly databaseNoticed: { readonly message: string };
  /** A step of starting the embedded Postgres that may take a while has begun, as in "starting Postgres 18.1". */
  readonly postgresStepBegun: { readonly step: string };
}

export type DatabaseObserver = Pick<Observer<DatabaseOccurrences>, 'tell'>;

/** An observer without subscribers. */
export const unobservedDatabase: DatabaseObserver = new Observer<DatabaseOccurrences>();
