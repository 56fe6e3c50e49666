import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EventTypes } from '../../kernel/define/event.ts';
import { compareEvents, type EventDifference, type EventHistory, renewedHistory } from './event-history.ts';
import type { Checked, CheckOptions, CheckProblem } from './problem.ts';

/** Every shape that data of events has had, by event and schema version. */
export const EVENTS_FILE = 'schema/events.json';

/** Most events that one sentence names. */
const MAX_NAMED = 5;

/**
 * Compares the events of the code with the committed ones: data that is stored under a schema version must stay
 * readable as that version forever.
 */
export async function checkEvents(
  folder: string,
  events: EventTypes,
  { write, unreleased }: CheckOptions,
): Promise<Checked> {
  const path = join(folder, EVENTS_FILE);
  const committed = await committedIn(path);
  const differences = compareEvents(committed, events);
  const isBroken = (difference: EventDifference) => !['new', 'extended'].includes(difference.kind);
  const broken = write && unreleased ? [] : differences.filter(isBroken);
  const problems = broken.map((difference) => brokenEvent(difference));
  const lines = unclassifiedTexts(events);
  if (write) {
    const renewed = text(renewedHistory(committed, events, !unreleased));
    const isNew = renewed !== text(committed);
    if (isNew) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, renewed);
    }
    return { problems, lines: [...lines, ...(isNew ? [`Written to ${EVENTS_FILE}.`] : upToDate(problems))] };
  }
  const outdated = differences.filter((difference) => !isBroken(difference));
  return {
    problems: [...problems, ...(outdated.length > 0 ? [outdatedFile(outdated)] : [])],
    lines: [...lines, ...(outdated.length > 0 ? [] : upToDate(problems))],
  };
}

async function committedIn(path: string): Promise<EventHistory> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return JSON.parse(content) as EventHistory;
}

function text(history: EventHistory): string {
  return `${JSON.stringify(history, undefined, 2)}\n`;
}

function upToDate(problems: readonly CheckProblem[]): string[] {
  return problems.length > 0 ? [] : [`${EVENTS_FILE} has the events of the code.`];
}

function brokenEvent({ event, version, kind, fields }: EventDifference): CheckProblem {
  return { code: 'EVENT_CHANGED', sentence: brokenSentence() };

  function brokenSentence(): string {
    if (kind === 'removed') {
      return (
        `${EVENTS_FILE} has the event ${event}, which no aggregate of the code has: stored events of it could not be read any more. ` +
        `Keep its definition, or run \`afterwrite check --write --unreleased\` if none was ever stored.`
      );
    }
    if (kind === 'lowered') {
      return (
        `${EVENTS_FILE} has schema version ${version} of ${event}, and the code an older one: stored events of version ${version} ` +
        `could not be read any more. Take the newer definition, or run \`afterwrite check --write --unreleased\` if none was ever stored.`
      );
    }
    const where = fields.filter((field) => field !== '');
    return (
      `The data of ${event} has changed${where.length > 0 ? ` (${where.join(', ')})` : ''}, and its schema version is still ` +
      `${version}: stored events may be unreadable, and older code could not read new ones. Write version: ${version + 1} and ` +
      `upcast: { ${upcasters(version)} } in its definition, or run \`afterwrite check --write --unreleased\` if no event of version ` +
      `${version} was ever stored.`
    );
  }
}

function upcasters(version: number): string {
  return `${version > 1 ? '…, ' : ''}${version}: (old) => ({ … })`;
}

function outdatedFile(outdated: readonly EventDifference[]): CheckProblem {
  const names = outdated.map(({ event, version, kind }) =>
    kind === 'new' ? `${event} (version ${version})` : `more optional fields of ${event} (version ${version})`,
  );
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return {
    code: 'EVENTS_OUTDATED',
    sentence: `${EVENTS_FILE} lacks ${names.slice(0, MAX_NAMED).join(', ')}${more}. Run \`afterwrite check --write\` and commit the file.`,
  };
}

/** A text that is not marked is left out of the audit trail, which its author may not have meant. */
function unclassifiedTexts(events: EventTypes): string[] {
  return Object.entries(events).flatMap(([name, { unclassified }]) =>
    unclassified.length === 0
      ? []
      : [
          `note: ${name}: ${unclassified.join(', ')} ${unclassified.length === 1 ? 'is' : 'are'} neither personal(…) nor ` +
            'nonPersonal(…), and left out of the audit trail.',
        ],
  );
}
