import type { Acknowledged, History, Refused, Sent, Timed } from '../history.ts';
import { type Log, nameOf } from './log.ts';
import type { Violation } from './violation.ts';

/** The fate of a command, according to everybody who sent it. */
interface Known {
  readonly sent: (Sent & { readonly at: number; readonly client: string })[];
  readonly acknowledged: (Acknowledged & { readonly at: number })[];
  readonly refused: (Refused & { readonly at: number })[];
}

/**
 * Every acknowledged command is in the log exactly once, at the place of its receipt. A command that was only refused
 * is not. Everything in the log was sent by somebody, or issued by the application because of something else in the
 * log.
 */
export function* checkCommands(histories: readonly History[], log: Log): Generator<Violation> {
  const commands = commandsOf(histories);
  const created = creations(commands);
  for (const [commandId, command] of commands) {
    yield* checkReceipts(commandId, command, log);
    yield* checkRefusals(commandId, command, log, created);
  }
  for (const commandId of log.commandIds) {
    yield* checkOnce(commandId, log);
    if (!commands.has(commandId) && !log.isConsequence(commandId)) {
      yield { kind: 'from nobody', facts: { commandId, events: log.eventsOf(commandId) } };
    }
  }
}

function* checkReceipts(commandId: string, { sent, acknowledged }: Known, log: Log): Generator<Violation> {
  if (acknowledged.length === 0) return;
  const events = log.eventsOf(commandId);
  const logged = events.findLast(({ closes }) => closes) ?? log.receiptsOf(commandId)[0];
  if (!logged) {
    yield { kind: 'acknowledged and lost', facts: { commandId, sent, acknowledged, events } };
    return;
  }
  const wrong = acknowledged.find(
    ({ aggregateId, version, token }) =>
      aggregateId !== logged.stream.id || version !== logged.version || log.positionOf(token) !== logged.position,
  );
  if (wrong) yield { kind: 'wrong receipt', facts: { commandId, receipt: wrong, logged } };
  const [first] = sent;
  const other =
    first && (nameOf(first.stream) !== nameOf(logged.stream) || events.some(({ type }) => type !== first.event));
  if (other) yield { kind: 'wrong receipt', facts: { commandId, sent: first, events } };
  const asNew = acknowledged.filter(({ replayed }) => !replayed);
  if (asNew.length > 1)
    yield { kind: 'wrong receipt', facts: { commandId, why: 'new more than once', receipts: asNew } };
}

function* checkRefusals(
  commandId: string,
  { sent, acknowledged, refused }: Known,
  log: Log,
  created: ReadonlyMap<string, number>,
): Generator<Violation> {
  const inLog = log.eventsOf(commandId).length > 0 || log.receiptsOf(commandId).length > 0;
  // It is unknown whether an attempt without an answer, or with an uncertain one, did anything. All other refused
  // attempts did nothing.
  if (inLog && acknowledged.length === 0 && refused.length === sent.length) {
    yield { kind: 'refused and in the log', facts: { commandId, refused, events: log.eventsOf(commandId) } };
  }
  const known = Math.min(...acknowledged.map(({ at }) => at));
  for (const refusal of refused) {
    if (refusal.type === 'THROTTLED') continue;
    const attempt = sent.find((one) => one.attempt === refusal.attempt);
    if (!attempt) continue;
    const facts = { commandId, refusal, attempt };
    if (attempt.at > known)
      yield { kind: 'wrong refusal', facts: { ...facts, why: 'it had been acknowledged before' } };
    if (refusal.type === 'CommandIdReused')
      yield { kind: 'wrong refusal', facts: { ...facts, why: 'it never changed' } };
    const there = created.get(nameOf(attempt.stream)) ?? Number.POSITIVE_INFINITY;
    if (refusal.type === 'AggregateNotFound' && attempt.at > there) {
      yield { kind: 'wrong refusal', facts: { ...facts, why: `it had been created at ${there}` } };
    }
  }
}

/** A command's events stand together, in one stream, and close once; a command without events has one receipt. */
function* checkOnce(commandId: string, log: Log): Generator<Violation> {
  const events = log.eventsOf(commandId);
  const receipts = log.receiptsOf(commandId);
  const [first] = events;
  const together = events.every(
    ({ stream, position, version, closes }, index) =>
      nameOf(stream) === nameOf((first as (typeof events)[number]).stream) &&
      position === (first as (typeof events)[number]).position + index &&
      version === (first as (typeof events)[number]).version + index &&
      closes === (index === events.length - 1),
  );
  if (together && (events.length > 0 ? 1 : 0) + receipts.length === 1) return;
  yield { kind: 'in the log twice', facts: { commandId, events, receipts } };
}

/** When each stream was first known to be there. */
function creations(commands: ReadonlyMap<string, Known>): Map<string, number> {
  const created = new Map<string, number>();
  for (const { sent, acknowledged } of commands.values()) {
    const [first] = sent;
    if (!first) continue;
    for (const { at, version } of acknowledged) {
      const name = nameOf(first.stream);
      if (version > 0) created.set(name, Math.min(created.get(name) ?? Number.POSITIVE_INFINITY, at));
    }
  }
  return created;
}

function commandsOf(histories: readonly History[]): Map<string, Known> {
  const commands = new Map<string, Known>();
  const knownOf = (commandId: string) => {
    const known = commands.get(commandId) ?? { sent: [], acknowledged: [], refused: [] };
    commands.set(commandId, known);
    return known;
  };
  for (const { client, records } of histories) {
    for (const record of records) {
      if (record.is === 'sent') knownOf(record.commandId).sent.push({ ...record, client });
      else if (isAnswer(record, 'acknowledged')) knownOf(record.commandId).acknowledged.push(record);
      else if (isAnswer(record, 'refused')) knownOf(record.commandId).refused.push(record);
    }
  }
  return commands;
}

function isAnswer<Is extends Timed['is']>(record: Timed, is: Is): record is Extract<Timed, { is: Is }> {
  return record.is === is;
}
