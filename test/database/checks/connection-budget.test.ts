import { describe, expect, it, onTestFinished } from 'vitest';
import { fitConnections } from '../../../src/database/checks/connection-budget.ts';
import { openDatabase } from '../../../src/database/database.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { noticesTo } from '../../support/postgres/notices.ts';

const wanted = { writer: 4, projector: 4, reader: 10 };
const allowing = (limit: number, inUse = 0) => ({ limit, inUse, set: 'as a test says' });

describe('pools', () => {
  it('are as large as the settings say if the database allows it', () => {
    expect(fitConnections(wanted, allowing(100))).toEqual({ connections: wanted });
    expect(fitConnections(wanted, allowing(26))).toEqual({ connections: wanted });
  });

  it('shrink in proportion if it allows fewer, or others have some', () => {
    const connections = { writer: 1, projector: 1, reader: 3 };
    expect(fitConnections(wanted, allowing(14))).toMatchObject({ connections });
    expect(fitConnections(wanted, allowing(100, 86))).toMatchObject({
      connections,
      notice: expect.stringContaining('86'),
    });
    expect(fitConnections(wanted, allowing(100, 100)).connections).toEqual({ writer: 1, projector: 1, reader: 1 });
  });

  it('never together exceed what is allowed', () => {
    for (let limit = 11; limit <= 40; limit++) {
      const { writer, projector, reader } = fitConnections(wanted, allowing(limit)).connections;
      expect(writer + projector + reader + 8, `of ${limit}`).toBeLessThanOrEqual(limit);
    }
  });

  it('are refused with what is missing if there can never be enough', () => {
    expect(() => fitConnections(wanted, allowing(8))).toThrow(
      'The database allows 8 connections (as a test says), and a server needs at least 11 and wants 26: allow more.',
    );
  });
});

describe('a database with a connection limit', () => {
  const database = useDatabase();
  const limitTo = (limit: number) =>
    database.sql.unsafe(`alter database ${new URL(database.url).pathname.slice(1)} connection limit ${limit}`);
  const open = async (notices: string[]) => {
    const opened = await openDatabase({
      url: database.url,
      connections: wanted,
      observer: noticesTo(notices),
    });
    onTestFinished(() => opened.close(0));
    return opened;
  };

  it('is used with smaller pools, which is said, and refused if it allows too few', async () => {
    await limitTo(17);
    const notices: string[] = [];
    await open(notices);
    expect(notices).toEqual([
      expect.stringMatching(/^The database allows 17 connections \(connection limit of the database\)/),
    ]);
    await limitTo(8);
    await expect(open([])).rejects.toMatchObject({
      code: 'DATABASE_UNFIT',
      message: expect.stringContaining('allows 8'),
    });
  });
});
