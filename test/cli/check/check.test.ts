import { foreignKey, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import type { AppWithCommands } from '../../../src/definition/define-app.ts';
import { defineApp, defineProjection, readTable } from '../../../src/index.ts';
import { Lamp, lampDomain, lamps } from '../../kernel/define/mistakes/support.ts';
import { runCli, useFolder } from '../support.ts';

/** There is nothing: whatever needs a database fails. */
const NOWHERE = 'postgres://nobody@127.0.0.1:1/nothing';
const newFolder = useFolder();

const appOf = (changed: Parameters<typeof lampDomain>[0]): AppWithCommands => ({
  ...defineApp({ name: 'lamps', roles: {}, domains: [] }),
  domains: [{ ...lampDomain(changed), graphql: () => {} }],
});
const check = (app: AppWithCommands, folder: string, ...args: string[]) =>
  runCli(NOWHERE, ['check', ...args], {}, { app, folder });

describe('cli check', () => {
  it('finds nothing wrong with the application of this repository', async () => {
    expect(await runCli(NOWHERE, ['check'])).toEqual({
      code: 0,
      stdout: 'schema/schema.graphql is what the code makes.\nschema/events.json has the events of the code.\n',
      stderr: '',
    });
  });

  it('asks a new project to commit its files, writes them on demand, and is content', async () => {
    const folder = await newFolder();
    const app = appOf({});
    const first = await check(app, folder);
    expect(first.code).toBe(1);
    expect(first.stdout).toMatch(/^SCHEMA_OUTDATED\t.*\n(.*\n)*EVENTS_OUTDATED\t.*LampLit \(version 1\)\./m);
    expect(first.stderr).toBe(
      'Error CHECK_FAILED: The check has found 2 problems; each has a line above that says what to do.\n',
    );
    expect((await check(app, folder, '--write')).code).toBe(0);
    expect((await check(app, folder)).code).toBe(0);
  });

  it('names mistakes of definitions and of tables, each in a line', async () => {
    const folder = await newFolder();
    expect((await check(appOf({ aggregates: [] }), folder)).stdout).toMatch(
      /^SEVERAL_MISTAKES\tThe application has 3 mistakes\. 1\. NOT_MOUNTED: Command lightLamp belongs to aggregate Lamp, which/,
    );
    const home = readTable('homes', { id: uuid('id').primaryKey() });
    const table = readTable('rooms', { id: uuid('id').primaryKey() }, ({ id }) => [
      foreignKey({ columns: [id], foreignColumns: [home.id] }),
    ]);
    const rooms = defineProjection('rooms', {
      table,
      events: Lamp.events,
      visibleTo: 'everyone',
      on: { LampLit: ({ streamId: id }, { upsert }) => upsert(id, () => ({ id })) },
    });
    const { code, stdout } = await check(appOf({ projections: [lamps, rooms] }), folder, '--write');
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^READ_TABLE_UNSUPPORTED\t.*rooms.*\n/)]);
  });
});
