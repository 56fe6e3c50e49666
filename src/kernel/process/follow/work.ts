import type { EventMetadata, RecordedEvent } from '../../define/event.ts';

/** How an event is handled: in which partition, and next to which neighbours. */
export interface EventRoute {
  /**
   * The type and id of a stream, see {@link streamOf}. Events of one partition are handled in order, one after the other.
   */
  readonly partition: string;
  /** Neighbours in a partition of the same kind with different targets may be handled concurrently. */
  readonly group?: { readonly kind: string; readonly target: string } | undefined;
  /**
   * False if no process has begun in this partition. Then the event need not be handled, unless the event that begins the
   * process is waiting itself.
   */
  readonly hasBegun: boolean;
}

/** A deadline that is due. */
export interface DueDeadline {
  /** The process's id. */
  readonly id: string;
  readonly name: string;
  readonly at: Date;
  /** Metadata of the event that began the process: the deadline has the same initiator and correlation id. */
  readonly begun: EventMetadata;
}

/** The reaction to events. */
export interface Work {
  /** True if events of this type may need handling. Only their data is read. */
  wanted(type: string): boolean;
  /** True if events of this type of stream may need handling by a newer version of the code. */
  follows(streamType: string): boolean;
  /**
   * The route of each event; undefined if the event need not be handled; the error if its route cannot be determined.
   * @param isOpen true if a partition has unfinished items.
   */
  routesOf(
    events: readonly RecordedEvent[],
    isOpen: (partition: string) => boolean,
  ): Promise<readonly (EventRoute | Error | undefined)[]>;
  /** Handles an event. Repeated if this throws. */
  answer(event: RecordedEvent, stopping: AbortSignal): Promise<void>;
  /** The deadlines of this kind, if it has any. */
  readonly deadlines?: DeadlineWork;
}

export interface DeadlineWork {
  /**
   * Watches the clock until it is stopped.
   * @param tell resolves when the deadline has been handled, or is durably parked.
   */
  watch(tell: (deadline: DueDeadline) => Promise<void>, stopping: AbortSignal): Promise<void>;
  /** Calls the process. Repeated if this throws. */
  tell(deadline: DueDeadline): Promise<void>;
  /** Finds a parked deadline; undefined if its process does not exist. */
  find(id: string, name: string, at: Date): Promise<DueDeadline | undefined>;
  /** The partition of a process. */
  partitionOf(id: string): string;
}

/** The name of a stream as a partition. */
export function streamOf({ streamType, streamId }: Pick<RecordedEvent, 'streamType' | 'streamId'>): string {
  return `${streamType} ${streamId}`;
}
