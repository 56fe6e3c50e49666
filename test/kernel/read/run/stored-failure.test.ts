import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Checkpoints } from '../../../../src/kernel/checkpoints/checkpoints.ts';
import { until } from '../../../support/until.ts';
import { open, useCounterServers } from './counter-servers.ts';

const { database, openEngine, checkpoint } = useCounterServers();

/** Makes Postgres refuse to clear a failure, as if its disk were full. @returns a function that lets it do so again. */
async function refuseToClear(): Promise<() => Promise<unknown>> {
  await database.sql.unsafe(`
    create function read.refuse() returns trigger language plpgsql as
      $$ begin raise exception 'No space is left.' using errcode = '53100'; end $$;
    create trigger refuse before update on read.checkpoints for each row
      when (old.failure is not null and new.failure is null) execute function read.refuse()`);
  return () => database.sql`drop trigger refuse on read.checkpoints`;
}

describe('why a read model stands still', () => {
  it('is cleared in the checkpoint when it goes on, also if the first attempt to clear it fails and nothing more happens', async () => {
    const former = await openEngine({ start: true });
    await open(former);
    await until(async () => (await checkpoint())?.position === 1);
    await former.close();
    await database.sql`update read.checkpoints set failure = 'The former owner could not go on.'`;
    const letItClear = await refuseToClear();
    const engine = await openEngine({ start: true });
    await until(() => engine.faults.length > 0);
    expect(engine.faults).toMatchObject([{ error: { cause: { message: 'No space is left.' } } }]);
    expect(await checkpoint()).toMatchObject({ position: 1, failure: 'The former owner could not go on.' });
    await letItClear();
    await until(async () => (await checkpoint())?.failure === null);
    expect(engine.projector.status()).toMatchObject([{ state: 'RUNNING', failure: null }]);
  });

  it('is stored only by who owns the checkpoint: a former owner that says so late changes nothing', async () => {
    const engine = await openEngine({ start: true });
    await until(async () => (await checkpoint())?.owner != null);
    const { owner, generation } = (await checkpoint()) ?? {};
    const checkpoints = new Checkpoints(engine.database.projector.db);
    const late = { failure: 'The former owner could not go on.', isAhead: true };
    const key = 'counters@1';
    for (const of of [
      { key, generation, owner: randomUUID() },
      { key, owner, generation: generation - 1 },
    ]) {
      await expect(checkpoints.setFailure(of, late)).rejects.toMatchObject({ code: 'FENCED' });
    }
    expect(await checkpoint()).toMatchObject({ failure: null, is_ahead: false });
    await checkpoints.setFailure({ key, owner, generation }, late);
    expect(await checkpoint()).toMatchObject({ failure: late.failure, is_ahead: true });
  });
});
