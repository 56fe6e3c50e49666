import { SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { ThrottledError } from '../../../src/kernel/errors.ts';
import { inBatchSpan, inSpan, type Traced } from '../../../src/kernel/observe/trace.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable, openCounter, system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useSpans } from '../../support/spans.ts';
import { until } from '../../support/until.ts';

const spans = useSpans();
const sent = (trace: number, { sampled = true } = {}) =>
  `00-${String(trace).padStart(32, '0')}-${String(trace).padStart(16, '0')}-${sampled ? '01' : '00'}`;
const batch = async (...parts: Traced[]) => {
  await inBatchSpan('batch', {}, parts, async () => {});
  return spans.find('batch');
};
const number = (id: string | undefined) => id && Number(id);

describe('the span of a batch', () => {
  it('is a part of the first sampled trace, and linked with all', async () => {
    const span = await batch(
      {},
      { traceparent: sent(1, { sampled: false }) },
      { traceparent: sent(2) },
      { traceparent: sent(3) },
      { traceparent: sent(2) },
    );
    expect(number(span?.parentSpanContext?.spanId)).toBe(2);
    expect(span?.links.map(({ context }) => number(context.spanId))).toEqual([1, 2, 3]);
  });

  it('is not recorded if none of its traces is sampled', async () => {
    expect(await batch({ traceparent: sent(1, { sampled: false }) })).toBeUndefined();
  });

  it('has no parent, only links, if it replays old events', async () => {
    const ageMs = 3_600_000;
    const span = await batch({ traceparent: sent(1), ageMs }, { traceparent: sent(2), ageMs });
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.links.map(({ context }) => number(context.spanId))).toEqual([1, 2]);
  });

  it('has at most 32 links, and ignores malformed trace contexts', async () => {
    const many = Array.from({ length: 100 }, (_, index) => ({ traceparent: sent(index + 1) }));
    expect((await batch({ traceparent: 'nonsense' }, { traceparent: sent(0) }, ...many))?.links).toHaveLength(32);
  });
});

describe('a span', () => {
  it('is marked as failed by a fault, not by an expected refusal; the error passes through unchanged', async () => {
    const fault = new TypeError('with a value in it');
    const refusal = new ThrottledError(100, 'Full.');
    for (const error of [fault, refusal]) {
      await expect(inSpan(error.name, {}, () => Promise.reject(error))).rejects.toBe(error);
    }
    expect(spans.find('TypeError')).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'TypeError' },
    });
    expect(spans.find('ThrottledError')?.status).toEqual({ code: SpanStatusCode.UNSET });
  });
});

describe('a projection of another server', () => {
  const database = useDatabase({ tables: [countersTable], per: 'emptied' });
  const openEngine = useEngine(database, [counterDomain]);

  it('finds the command’s trace in the log', async () => {
    const [writes, projects] = [await openEngine(), await openEngine({ start: true })];
    receiptOf(await writes.bus.execute(openCounter, { label: 'a' }, { ...system, traceparent: sent(7) }));
    const project = await until(() => spans.find('project counters'));
    const command = spans.find('command openCounter');
    expect(number(command?.parentSpanContext?.spanId)).toBe(7);
    expect(project?.parentSpanContext?.spanId).toBe(command?.spanContext().spanId);
    expect(project?.parentSpanContext?.isRemote).toBe(true);
    expect(projects.projector.positions.of('counters')).toBe(1);
  });
});
