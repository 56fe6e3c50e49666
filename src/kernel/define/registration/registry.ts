import type { Aggregate } from '../aggregate.ts';
import type { Command } from '../command.ts';
import type { EventTypes } from '../event.ts';
import type { Effect } from '../process-manager/effect.ts';
import type { Process } from '../process-manager/process.ts';
import type { Projection } from '../read-model/projection.ts';

/**
 * Everything that is mounted, by name. Names are unique across domains, because they are names in the log and in the
 * API.
 */
export interface Registry {
  readonly aggregates: ReadonlyMap<string, Aggregate>;
  readonly events: EventTypes;
  readonly commands: ReadonlyMap<string, Command>;
  readonly projections: ReadonlyMap<string, Projection>;
  readonly processes: ReadonlyMap<string, Process>;
  readonly effects: ReadonlyMap<string, Effect>;
}
