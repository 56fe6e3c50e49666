import { terminalSafe } from '../../../text/terminal.ts';
import type { PersonalEvent } from './personal-data.ts';

export interface PersonalDataHead {
  readonly subject: string;
  readonly exportedAt: Date;
}

export type ExportFormat = 'json' | 'text';

/** The export as a document, piece by piece. Ends with a line feed. */
export function writePersonalData(
  head: PersonalDataHead,
  events: AsyncIterable<PersonalEvent>,
  format: ExportFormat,
): AsyncGenerator<string> {
  return format === 'json' ? asJson(head, events) : asText(head, events);
}

/** One JSON document, with an event in each line. Characters that a terminal would execute are written as escapes. */
async function* asJson(head: PersonalDataHead, events: AsyncIterable<PersonalEvent>): AsyncGenerator<string> {
  const { subject, exportedAt } = head;
  yield `{"subject":${safeJson(subject)},"exportedAt":${safeJson(exportedAt)},"events":[`;
  let count = 0;
  for await (const event of events) yield `${count++ === 0 ? '' : ','}\n${safeJson(jsonOf(event))}`;
  yield `\n],"count":${count}}\n`;
}

function jsonOf({ isOwn, relation, data, summary, ...event }: PersonalEvent): object {
  return {
    ...event,
    relation,
    by: isOwn ? 'you' : 'somebody else',
    ...(relation === 'about' ? { data } : { summary }),
  };
}

function safeJson(value: unknown): string {
  return terminalSafe(JSON.stringify(value));
}

/** For a person to read. */
async function* asText(head: PersonalDataHead, events: AsyncIterable<PersonalEvent>): AsyncGenerator<string> {
  const { subject, exportedAt } = head;
  yield line(`What is stored about ${subject}`) + line(`Written on ${exportedAt.toISOString()}`);
  let count = 0;
  for await (const event of events) {
    count++;
    yield `\n${[...paragraph(event)].map(line).join('')}`;
  }
  yield `\n${line(count === 0 ? 'Nothing is stored.' : `${count} ${count === 1 ? 'entry' : 'entries'}.`)}`;
}

function* paragraph(event: PersonalEvent): Generator<string> {
  const { occurredAt, type, streamType, streamId, relation, isOwn, data, summary, position } = event;
  yield `${occurredAt.toISOString()}  ${words(type)}  (${streamType} ${streamId}, entry ${position} of the log)`;
  yield `  done by: ${isOwn ? 'you' : 'somebody else'}`;
  if (relation === 'about') yield* members(data, '  ');
  else if (summary !== '') yield `  in short: ${summary}`;
}

/** Each value in a line, under the names that lead to it. Several lines of a text are marked, so that none looks like a name. */
function* members(value: unknown, indent: string): Generator<string> {
  if (typeof value !== 'object' || value === null) {
    yield* said(value, indent);
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    if (inner === null || inner === undefined) continue;
    const label = Array.isArray(value) ? `- ${Number(name) + 1}` : words(name);
    if (typeof inner === 'object') {
      yield `${indent}${label}:`;
      yield* members(inner, `${indent}  `);
    } else if (typeof inner === 'string' && inner.includes('\n')) {
      yield `${indent}${label}:`;
      yield* said(inner, `${indent}  `);
    } else {
      yield `${indent}${label}: ${String(inner)}`;
    }
  }
}

function* said(value: unknown, indent: string): Generator<string> {
  for (const part of String(value).split('\n')) yield `${indent}| ${part}`;
}

/** `RoomBooked` as `room booked`. */
function words(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, ' ').toLowerCase();
}

function line(text: string): string {
  return `${terminalSafe(text)}\n`;
}
