import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { callAgain, defineEffect } from '../../../src/kernel/define/process-manager/effect.ts';
import { bindPort, definePort, type PortBinding } from '../../../src/kernel/define/process-manager/port.ts';
import { issue } from '../../../src/kernel/define/process-manager/process.ts';
import type { ExecuteOptions } from '../../../src/kernel/write/execute-options.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import type { TestEngine } from '../../support/kernel/engine.ts';

const QuestionAsked = defineEvent('QuestionAsked', { data: z.object({ text: z.string() }) });
const QuestionAnswered = defineEvent('QuestionAnswered', { data: z.object({ answer: z.string() }) });
export const Question = defineAggregate('Question', {
  initialState: () => ({ asked: 0, answers: 0 }),
  events: { QuestionAsked, QuestionAnswered },
  evolve: {
    QuestionAsked: (state) => ({ ...state, asked: state.asked + 1 }),
    QuestionAnswered: (state) => ({ ...state, answers: state.answers + 1 }),
  },
});
export const ask = defineCommand('ask', {
  aggregate: Question,
  creates: true,
  input: z.object({ id: z.uuid(), text: z.string() }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: (_, { text }) => QuestionAsked({ text }),
});
const answer = defineCommand('answer', {
  aggregate: Question,
  input: z.object({ id: z.uuid(), answer: z.string() }),
  id: (input) => input.id,
  allow: ['system'],
  decide: (_, input) => QuestionAnswered({ answer: input.answer }),
});

/** An oracle that knows the answer; undefined if it does not answer. */
export type Oracle = (text: string, key: string, signal: AbortSignal) => Promise<string | undefined>;
export const oracle = definePort<Oracle>('oracle');
export const Asking = defineEffect('Asking', {
  port: oracle,
  reactsTo: { QuestionAsked },
  issues: { answer },
  on: {
    QuestionAsked: async ({ streamId: id, data: { text } }, { port, key, signal }) => {
      const said = await port(text, key, signal);
      return said === undefined ? callAgain('She says nothing.') : issue(answer, { id, answer: said });
    },
  },
});
export const questionsDomain = defineDomain({
  name: 'questions',
  aggregates: [Question],
  commands: [ask],
  projections: [],
  effects: [Asking],
  graphql: undefined,
});

/** An oracle, and the questions that it was asked, each with its key. */
export function anOracle(say: Oracle = async (text) => text.toUpperCase()) {
  const heard: { text: string; key: string }[] = [];
  const adapters: PortBinding[] = [
    bindPort<Oracle>(oracle, (text, key, signal) => {
      heard.push({ text, key });
      return say(text, key, signal);
    }),
  ];
  return { heard, adapters };
}

export const customer = () => ({ actor: { id: randomUUID(), roles: ['customer' as const], claims: {} } });

export async function askOf(
  { bus }: Pick<TestEngine, 'bus'>,
  text: string,
  id: string = randomUUID(),
  by: Pick<ExecuteOptions, 'actor'> = system,
): Promise<string> {
  receiptOf(await bus.execute(ask, { id, text }, by));
  return id;
}
