import type { RecordedEvent } from '../../../src/kernel/define/event.ts';
import type { LogReader } from '../../../src/kernel/log/log-reader.ts';
import type { TestDatabase } from '../postgres/database.ts';

/** How much has ever happened. */
export interface LogSize {
  readonly events: number;
  readonly streams: number;
}

export async function logSize({ sql }: Pick<TestDatabase, 'sql'>): Promise<LogSize> {
  const [row] = await sql<LogSize[]>`
    select (select count(*) from es.events)::int as events, (select count(*) from es.streams)::int as streams`;
  if (!row) throw new Error('The log cannot be counted.');
  return row;
}

/** Every event after a position; the log gives out pages that are bounded in bytes. */
export async function everyEvent(log: Pick<LogReader, 'read'>, after = 0): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const page = await log.read(after + events.length, 2000);
    if (page.length === 0) return events;
    events.push(...page);
  }
}

/** An event as the log holds it. */
export interface LoggedEvent {
  readonly type: string;
  readonly streamId: string;
  readonly version: number;
  readonly commandId: string;
  readonly metadata: {
    readonly actor: { readonly id: string; readonly roles: readonly string[] };
    readonly correlationId: string;
    readonly traceparent?: string;
  };
}

/** The events of a stream, in order. */
export function eventsOf({ sql }: Pick<TestDatabase, 'sql'>, streamId: string): Promise<LoggedEvent[]> {
  return sql<LoggedEvent[]>`
    select type, stream_id as "streamId", version, command_id as "commandId", metadata
    from es.events where stream_id = ${streamId} order by position`;
}
