import type { EventMetadata, RecordedEvent } from '../../define/event.ts';

/** Where an event is answered. */
export interface Place {
  /** Events of one line are answered in order, one after the other: type and id of a stream, see {@link streamOf}. */
  readonly line: string;
  /** Neighbours in a line of the same kind with different targets may be answered side by side. */
  readonly group?: { readonly kind: string; readonly target: string } | undefined;
  /** False if nothing has begun there: the event need not be answered, unless what begins it waits itself. */
  readonly hasBegun: boolean;
}

/** A deadline whose time has come. */
export interface Deadline {
  /** The process's id. */
  readonly id: string;
  readonly name: string;
  readonly at: Date;
  /** Metadata of the event that began the process: its initiator and correlation id are those of the deadline. */
  readonly begun: EventMetadata;
}

/** What is done in answer to events. */
export interface Work {
  /** Whether events of this type may have to be answered: only their data is read. */
  wanted(type: string): boolean;
  /** Whether events of this kind of stream may have to be answered by a newer version of the code. */
  follows(streamType: string): boolean;
  /**
   * For each event the place in which it is answered; undefined if it need not be, or the error if that cannot be said.
   * @param isOpen whether something is waited for in a line.
   */
  placesOf(
    events: readonly RecordedEvent[],
    isOpen: (line: string) => boolean,
  ): Promise<readonly (Place | Error | undefined)[]>;
  /** EffectAnswers an event. It is done again if this throws. */
  answer(event: RecordedEvent, stopping: AbortSignal): Promise<void>;
  /** Deadlines of the same kind, if it has any. */
  readonly deadlines?: DeadlineWork;
}

export interface DeadlineWork {
  /**
   * Watches the clock until it is stopped.
   * @param tell resolves when the deadline is told, or is put aside durably.
   */
  watch(tell: (deadline: Deadline) => Promise<void>, stopping: AbortSignal): Promise<void>;
  /** Tells the process. It is done again if this throws. */
  tell(deadline: Deadline): Promise<void>;
  /** A deadline that was put aside; undefined if its process is not there. */
  find(id: string, name: string, at: Date): Promise<Deadline | undefined>;
  /** Line of a process. */
  lineOf(id: string): string;
}

/** How a stream is called as a line. */
export function streamOf({ streamType, streamId }: Pick<RecordedEvent, 'streamType' | 'streamId'>): string {
  return `${streamType} ${streamId}`;
}
