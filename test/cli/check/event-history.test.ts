import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkEvents, EVENTS_FILE } from '../../../src/cli/check/check-events.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { nonPersonal } from '../../../src/kernel/define/personal/personal.ts';
import { useFolder } from '../support.ts';

const makeFolder = useFolder();
const Text = nonPersonal(z.string());
const compare = { write: false, unreleased: false };
const write = { write: true, unreleased: false };

const lent = (data: z.ZodObject, version = 1) =>
  defineEvent('BookLent', { data: data as never, version, upcast: version > 1 ? { 1: (old) => old } : {} });
const before = z.object({ book: Text, days: z.int() });

/** A folder in which BookLent is committed as it was before. */
async function committedFolder(): Promise<string> {
  const folder = await makeFolder();
  await checkEvents(folder, { BookLent: lent(before) }, write);
  return folder;
}

const committedIn = async (folder: string) => JSON.parse(await readFile(join(folder, EVENTS_FILE), 'utf8'));

describe('the committed events', () => {
  it('are asked for if there are none, and written on demand', async () => {
    const folder = await makeFolder();
    const events = { BookLent: lent(before) };
    expect((await checkEvents(folder, events, compare)).problems).toEqual([
      {
        code: 'EVENTS_OUTDATED',
        sentence: 'schema/events.json lacks BookLent (version 1). Run `afterwrite check --write` and commit the file.',
      },
    ]);
    expect((await checkEvents(folder, events, write)).lines).toEqual(['Written to schema/events.json.']);
    expect(await checkEvents(folder, events, compare)).toEqual({
      problems: [],
      lines: ['schema/events.json has the events of the code.'],
    });
  });

  it.each([
    ['a field is renamed', z.object({ title: Text, days: z.int() }), 'book, title'],
    ['a field is gone', z.object({ book: Text }), 'days'],
    ['a field is new and required', before.extend({ member: z.uuid() }), 'member'],
    ['a field has another type', z.object({ book: Text, days: Text }), 'days'],
    ['an optional field becomes required', before.required(), undefined],
    ['a required field becomes optional', before.partial({ days: true }), 'days'],
    ['a field of a nested object is gone', before.extend({ days: z.object({ from: Text }) }), 'days'],
  ])('do not change with the code under the same schema version: %s', async (_, data, fields) => {
    const folder = await committedFolder();
    const { problems } = await checkEvents(folder, { BookLent: lent(data) }, compare);
    if (fields === undefined) return expect(problems).toEqual([]);
    expect(problems).toEqual([
      {
        code: 'EVENT_CHANGED',
        sentence:
          `The data of BookLent has changed (${fields}), and its schema version is still 1: stored events may be unreadable, and ` +
          'older code could not read new ones. Write version: 2 and upcast: { 1: (old) => ({ … }) } in its definition, or run ' +
          '`afterwrite check --write --unreleased` if no event of version 1 was ever stored.',
      },
    ]);
    // Writing the file by habit does not hide it.
    const again = await checkEvents(folder, { BookLent: lent(data) }, write);
    expect(again.problems).toEqual(problems);
    expect((await checkEvents(folder, { BookLent: lent(data) }, compare)).problems).toEqual(problems);
  });

  it('are replaced if their author says that none was ever stored', async () => {
    const folder = await committedFolder();
    const events = { BookLent: lent(z.object({ title: Text })) };
    expect((await checkEvents(folder, events, { write: true, unreleased: true })).problems).toEqual([]);
    expect((await checkEvents(folder, events, compare)).problems).toEqual([]);
  });

  it('take more optional fields, at any depth, without another version: old and new code read them', async () => {
    const folder = await makeFolder();
    const nested = z.object({ book: z.object({ title: Text }), lines: z.array(z.object({ n: z.int() })) });
    await checkEvents(folder, { BookLent: lent(nested) }, write);
    const more = z.object({
      book: z.object({ title: Text, isbn: Text.optional() }),
      lines: z.array(z.object({ n: z.int(), note: Text.optional() })),
      member: z.uuid().optional(),
    });
    expect((await checkEvents(folder, { BookLent: lent(more) }, compare)).problems).toEqual([
      {
        code: 'EVENTS_OUTDATED',
        sentence:
          'schema/events.json lacks more optional fields of BookLent (version 1). Run `afterwrite check --write` and commit the file.',
      },
    ]);
    await checkEvents(folder, { BookLent: lent(more) }, write);
    expect((await checkEvents(folder, { BookLent: lent(more) }, compare)).problems).toEqual([]);
  });

  it('keep the former shape beside that of a raised version', async () => {
    const folder = await committedFolder();
    const after = z.object({ title: Text });
    await checkEvents(folder, { BookLent: lent(after, 2) }, write);
    expect((await checkEvents(folder, { BookLent: lent(after, 2) }, compare)).problems).toEqual([]);
    expect(Object.keys((await committedIn(folder)).BookLent)).toEqual(['1', '2']);
    const [problem] = (await checkEvents(folder, { BookLent: lent(before) }, compare)).problems;
    expect(problem?.sentence).toContain('has schema version 2 of BookLent, and the code an older one');
  });

  it('are not forgotten with their definition', async () => {
    const folder = await committedFolder();
    const [problem] = (await checkEvents(folder, {}, compare)).problems;
    expect(problem).toMatchObject({
      code: 'EVENT_CHANGED',
      sentence: expect.stringMatching(
        /^schema\/events\.json has the event BookLent, which no aggregate of the code has: .* Keep its definition, or run/,
      ),
    });
    await checkEvents(folder, {}, write);
    expect(Object.keys(await committedIn(folder))).toEqual(['BookLent']);
  });

  it('do not change with descriptions, marks, or the order of fields', async () => {
    const folder = await committedFolder();
    const same = z.object({ days: z.int().describe('How long.'), book: z.string() });
    const { problems, lines } = await checkEvents(folder, { BookLent: lent(same) }, compare);
    expect(problems).toEqual([]);
    expect(lines[0]).toBe(
      'note: BookLent: book is neither personal(…) nor nonPersonal(…), and left out of the audit trail.',
    );
  });

  it('are read from a file that git can merge: a line for each keyword, sorted by name', async () => {
    const folder = await committedFolder();
    const path = join(folder, EVENTS_FILE);
    const content = await readFile(path, 'utf8');
    expect(content).toContain(
      '"BookLent": {\n    "1": {\n      "properties": {\n        "book": {\n          "type": "string"\n',
    );
    await writeFile(path, content.replace('"string"', '"number"'));
    expect((await checkEvents(folder, { BookLent: lent(before) }, compare)).problems).toHaveLength(1);
  });
});
