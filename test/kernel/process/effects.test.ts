import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';
import { anOracle, ask, askOf, customer, questionsDomain } from './questions.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [questionsDomain]);

const answers = async (id?: string) =>
  (
    await database.sql`select data ->> 'answer' as answer from es.events where type = 'QuestionAnswered'
                       and (${id ?? null}::uuid is null or stream_id = ${id ?? null}) order by position`
  ).map((row) => row.answer as string);

describe('an effect', () => {
  it('calls because of an event, and what is answered becomes a command', async () => {
    const { heard, adapters } = anOracle();
    const engine = await openEngine({ start: true, adapters });
    const correlationId = randomUUID();
    const id = randomUUID();
    receiptOf(await engine.bus.execute(ask, { id, text: 'why' }, { ...system, correlationId }));
    await until(async () => (await answers(id)).length > 0);
    expect(await answers(id)).toEqual(['WHY']);
    expect(heard).toHaveLength(1);
    const [row] = await database.sql`
      select metadata, (select type from es.events where event_id = (e.metadata ->> 'causationId')::uuid) as cause
      from es.events e where type = 'QuestionAnswered'`;
    expect(row).toMatchObject({ metadata: { correlationId, actor: { id: 'system' } }, cause: 'QuestionAsked' });
    expect(engine.faults).toEqual([]);
  });

  it('calls again with the same key until there is an answer, also after it threw', async () => {
    let times = 0;
    const { heard, adapters } = anOracle(async (text) => {
      times++;
      if (times === 1) throw new Error('She is asleep.');
      return times === 2 ? undefined : text;
    });
    const engine = await openEngine({ start: true, adapters });
    const id = await askOf(engine, 'when');
    await until(async () => (await answers(id)).length === 1);
    expect(heard).toHaveLength(3);
    expect(new Set(heard.map(({ key }) => key)).size).toBe(1);
    expect(engine.faults.map(({ error }) => (error as Error).message)).toEqual([
      'She is asleep.',
      `Asking has no certain answer yet for QuestionAsked of ${id}: She says nothing.`,
    ]);
  });

  it('calls for one stream in order, and lets no slow one hold up the others', async () => {
    const slow = Promise.withResolvers<string>();
    const { heard, adapters } = anOracle((text) => (text === 'slow' ? slow.promise : Promise.resolve(text)));
    const engine = await openEngine({ start: true, adapters });
    const first = await askOf(engine, 'slow');
    await askOf(engine, 'behind', first);
    const others = await Promise.all(Array.from({ length: 50 }, (_, n) => askOf(engine, `other ${n}`)));
    await until(async () => (await answers()).length === others.length);
    expect(heard.map(({ text }) => text)).not.toContain('behind');
    slow.resolve('slow');
    await until(async () => (await answers(first)).length === 2);
    expect(await answers(first)).toEqual(['slow', 'behind']);
  });

  it('makes a bounded number of calls at a time, and fewer on behalf of one actor', async () => {
    const [all, one] = [new Set<string>(), new Map<string, number>()];
    let [most, mostOfOne] = [0, 0];
    const { adapters } = anOracle(async (text) => {
      const [who = ''] = text.split(' ');
      all.add(text);
      one.set(who, (one.get(who) ?? 0) + 1);
      most = Math.max(most, all.size);
      mostOfOne = Math.max(mostOfOne, ...one.values());
      await new Promise((resolve) => setTimeout(resolve, 5));
      all.delete(text);
      one.set(who, (one.get(who) ?? 0) - 1);
      return text;
    });
    const processLimits = { effectsAtOnce: 10, effectsPerInitiator: 3 };
    const engine = await openEngine({ start: true, adapters, processLimits });
    const customers = Array.from({ length: 8 }, customer);
    await Promise.all(
      customers.flatMap((actor) =>
        Array.from({ length: 20 }, (_, n) => askOf(engine, `${actor.actor.id} ${n}`, undefined, actor)),
      ),
    );
    await until(async () => (await answers()).length === 160);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(10);
    expect(mostOfOne).toBeLessThanOrEqual(3);
  });

  it('answers a stranger while a hundred calls of one customer hang', async () => {
    const { heard, adapters } = anOracle(async (text) =>
      text.startsWith('hangs') ? new Promise<never>(() => {}) : text,
    );
    const engine = await openEngine({ start: true, adapters });
    const [greedy, stranger] = [customer(), customer()];
    await Promise.all(Array.from({ length: 100 }, (_, n) => askOf(engine, `hangs ${n}`, undefined, greedy)));
    await until(() => heard.length === 8);
    const id = await askOf(engine, 'fine', undefined, stranger);
    await until(async () => (await answers(id)).length === 1);
    expect(heard).toHaveLength(9);
    expect(engine.faults).toEqual([]);
  });

  it('gives a call up that takes too long, makes it again, and leaves the others most of the slots', async () => {
    const aborted: unknown[] = [];
    const { heard, adapters } = anOracle((text, _, signal) => {
      if (text.startsWith('fine')) return Promise.resolve(text);
      // The adapter reports that it was cancelled, but does not return.
      signal.addEventListener('abort', () => aborted.push(signal.reason));
      return new Promise(() => {});
    });
    const processLimits = { effectsAtOnce: 8, effectsPerInitiator: 4, effectTimeoutMs: 50 };
    const engine = await openEngine({ start: true, adapters, processLimits });
    await Promise.all(Array.from({ length: 20 }, (_, n) => askOf(engine, `hangs ${n}`, undefined, customer())));
    // Each has been made once, and some again.
    await until(() => heard.length > 24);
    expect(aborted[0]).toMatchObject({ name: 'TimeoutError' });
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, n) => askOf(engine, `fine ${n}`, undefined, customer())),
    );
    for (const id of ids) await until(async () => (await answers(id)).length === 1);
    expect(engine.faults.every(({ error }) => (error as { code?: string }).code === 'CALL_UNANSWERED')).toBe(true);
  });

  it('waits in front of an event of a newer schema version, parks nothing, and goes on in order', async () => {
    const silent = await openEngine({ projector: 'off' });
    const starter = await openEngine({ start: true, adapters: anOracle().adapters });
    await starter.close();
    const first = await askOf(silent, 'first');
    const newer = await askOf(silent, 'newer');
    await askOf(silent, 'behind', newer);
    const rewrite = async (version: number) => {
      await database.sql`alter table es.events disable trigger events_append_only, disable trigger events_rewritten`;
      await database.sql`update es.events set schema_version = ${version} where data ->> 'text' = 'newer'`;
      await database.sql`alter table es.events enable always trigger events_append_only, enable always trigger events_rewritten`;
    };
    await rewrite(2);
    const before = anOracle();
    const engine = await openEngine({ start: true, adapters: before.adapters });
    await until(async () => (await answers(first)).length === 1);
    await until(() => engine.processes.status()[0]?.state === 'AHEAD_OF_CODE');
    expect(engine.processes.status()[0]).toMatchObject({
      parked: 0,
      failure: expect.stringContaining('The event QuestionAsked of schema version 2'),
    });
    expect(before.heard.map(({ text }) => text)).toEqual(['first']);
    expect(engine.faults).toEqual([]);
    await engine.close();
    await rewrite(1);
    const after = anOracle();
    await openEngine({ start: true, adapters: after.adapters });
    await until(async () => (await answers(newer)).length === 2);
    expect(await answers(newer)).toEqual(['NEWER', 'BEHIND']);
    expect(after.heard.map(({ text }) => text)).toEqual(['newer', 'behind']);
  });
});
