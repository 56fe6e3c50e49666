import { describe, expect, it } from 'vitest';
import { EffectAnswers } from '../../../src/kernel/process/effect-answers.ts';
import { EffectWork } from '../../../src/kernel/process/effect-work.ts';
import { StreamStates } from '../../../src/kernel/write/state/stream-states.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { Asking, anOracle, askOf, questionsDomain } from './questions.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [questionsDomain]);

const answers = async (id?: string) =>
  (
    await database.sql`select data ->> 'answer' as answer from es.events where type = 'QuestionAnswered'
                       and (${id ?? null}::uuid is null or stream_id = ${id ?? null}) order by position`
  ).map((row) => row.answer as string);

describe('the call of an effect', () => {
  it('that is under way when the engine stops is left, and made again with the same key by the next', async () => {
    const before = anOracle((_, __, signal) => {
      const { promise, reject } = Promise.withResolvers<string>();
      signal.addEventListener('abort', () => reject(signal.reason));
      return promise;
    });
    const first = await openEngine({ start: true, adapters: before.adapters });
    const id = await askOf(first, 'who');
    await until(() => before.heard.length === 1);
    await first.close();
    expect(first.faults).toEqual([]);
    const after = anOracle();
    await openEngine({ start: true, adapters: after.adapters });
    await until(async () => (await answers(id)).length === 1);
    expect(after.heard).toEqual(before.heard);
  });

  it('takes effect once if two make it, and the first answer holds', async () => {
    const engine = await openEngine({ start: true, projector: 'off' });
    const id = await askOf(engine, 'how');
    const [event] = await engine.log.read(0, 1);
    if (!event) throw new Error('Nothing was asked.');
    const states = new StreamStates(engine.log, 10);
    const known = new EffectAnswers(engine.database.writer.db);
    const makers = ['one', 'two'].map(
      (said) =>
        new EffectWork({
          effect: Asking,
          port: async () => said,
          bus: engine.bus,
          states,
          answers: known,
          follows: new Set(),
          timeoutMs: 1000,
        }),
    );
    for (const maker of makers) await maker.answer(event, new AbortController().signal);
    expect(await answers(id)).toEqual(['one']);
  });

  it('is not made again once its answer is in the log, even if its checkpoint is lost', async () => {
    let says: string | undefined = 'so';
    const { heard, adapters } = anOracle(async () => says);
    const first = await openEngine({ start: true, adapters });
    const ids = [await askOf(first, 'how')];
    await until(async () => (await answers()).length === 1);
    says = undefined;
    ids.push(await askOf(first, 'why'));
    await until(() => heard.length === 2);
    await first.close();
    await database.sql`delete from read.checkpoints where projection = 'effect:Asking'`;
    says = 'thus';
    const second = await openEngine({ start: true, adapters });
    await until(async () => (await answers()).length === 2);
    expect(await answers(ids[0])).toEqual(['so']);
    expect(await answers(ids[1])).toEqual(['thus']);
    expect(heard.filter(({ text }) => text === 'how')).toHaveLength(1);
    expect(second.faults).toEqual([]);
  });

  it('is left to others by an engine that has nothing at the port', async () => {
    const without = await openEngine({ start: true });
    const id = await askOf(without, 'where');
    const { adapters } = anOracle();
    await openEngine({ start: true, adapters });
    await until(async () => (await answers(id)).length === 1);
  });
});
