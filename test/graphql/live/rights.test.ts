import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ProjectionUpdate } from '../../../src/graphql/live/audience.ts';
import { projectionUpdates } from '../../../src/graphql/live/projection-updates.ts';
import { ForbiddenError } from '../../../src/kernel/errors.ts';
import { customer, staff } from '../../support/kernel/counter.ts';
import { until } from '../../support/until.ts';
import { Stage, waitingIn } from './support.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});

/** One who listens to notes. The first `next` is asked, so that it listens from now on. */
function listener(name: string, keys?: readonly string[]) {
  const actor = name === 'staff' ? staff : customer(name);
  const updates = projectionUpdates({ projections: ['notes'], keys }, stage.context({ actor }));
  const told: ProjectionUpdate[] = [];
  const reading = (async () => {
    for await (const update of updates) told.push(update);
  })();
  return { updates, told, keys: () => told.map((update) => update.keys), reading };
}
const write = (id: string, authorId: string) => {
  stage.rows.set(id, { id, authorId });
  changed(id);
};
const changed = (...keys: string[]) => stage.move({ projection: 'notes', keys: new Set(keys) });

describe('subscribers who may see some rows only', () => {
  it('are told of those, each of its own, and staff of all', async () => {
    const [ada, bob, clerk] = [listener('ada'), listener('bob'), listener('staff')];
    write('1', 'ada');
    write('2', 'bob');
    write('3', 'nobody');
    await until(() => ada.told.length > 0 && bob.told.length > 0 && clerk.told.length > 0);
    expect(ada.keys()).toEqual([new Set(['1'])]);
    expect(bob.keys()).toEqual([new Set(['2'])]);
    expect(clerk.keys()).toEqual([new Set(['1', '2', '3'])]);
  });

  it('cost one look at the rows for each change, however many they are and whoever they are', async () => {
    const same = Array.from({ length: 500 }, () => listener('ada'));
    const different = Array.from({ length: 500 }, (_, n) => listener(`actor ${n}`));
    for (let change = 1; change <= 5; change++) {
      const before = stage.looks.length;
      write(`note ${change}`, 'eve');
      await until(() => stage.looks.length > before);
    }
    write('hers', 'ada');
    await until(() => same.every(({ told }) => told.length > 0));
    expect(stage.looks).toEqual([1, 1, 1, 1, 1, 1]);
    for (const { keys } of same) expect(keys()).toEqual([new Set(['hers'])]);
    expect(different.flatMap(({ told }) => told)).toEqual([]);
  });

  it('cost no look if none of the rows that they listen to has changed', async () => {
    const ada = listener('ada', ['a', 'b']);
    for (let change = 1; change <= 5; change++) {
      write(`note ${change}`, 'ada');
      // Each by itself: changes of one turn are one.
      await turn();
    }
    write('a', 'ada');
    await until(() => ada.told.length > 0);
    expect(stage.looks).toEqual([1]);
    expect(ada.keys()).toEqual([new Set(['a'])]);
  });

  it('are not told of the row of somebody else, also if they name its key', async () => {
    const eve = listener('eve', ['a']);
    const ada = listener('ada', ['a']);
    write('a', 'ada');
    await until(() => ada.told.length > 0);
    expect(eve.told).toEqual([]);
  });

  it('are told that rows have changed if there are too many to look at', async () => {
    const ada = listener('ada');
    changed(...Array.from({ length: 1001 }, (_, n) => `note ${n}`));
    await until(() => ada.told.length > 0);
    expect(ada.keys()).toEqual([null]);
    expect(stage.looks).toEqual([]);
  });

  it('are told after a look that failed, and of what has changed since with it', async () => {
    const ada = listener('ada');
    stage.failing = 1;
    write('1', 'ada');
    await until(() => stage.faults.length === 1);
    write('2', 'ada');
    await until(() => ada.told.length > 0);
    expect(ada.keys()).toEqual([new Set(['1', '2'])]);
  });

  it('leave nothing behind', async () => {
    const all = ['ada', 'ada', 'bob', 'staff'].flatMap((name) => [listener(name), listener(name, ['1'])]);
    expect(stage.hub.size).toBe(1);
    for (const { updates, reading } of all) {
      await updates.return?.();
      await reading;
    }
    expect(stage.hub.size).toBe(0);
  });

  it('who may see nothing at all are refused', async () => {
    const { updates } = {
      updates: () =>
        projectionUpdates({ projections: ['notes'] }, stage.context({ actor: { id: 'x', roles: [], claims: {} } })),
    };
    expect(updates).toThrow(ForbiddenError);
    const silent = projectionUpdates({ projections: ['notes'] }, stage.context({ actor: customer('ada') }));
    expect(waitingIn(silent)).toBe(0);
  });
});
