import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { unchanged } from '../../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../../src/kernel/define/command.ts';
import { registerDomains } from '../../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../../src/kernel/define/event.ts';
import { defineEffect } from '../../../../src/kernel/define/process-manager/effect.ts';
import { definePort } from '../../../../src/kernel/define/process-manager/port.ts';
import {
  clearDeadline,
  defineProcess,
  issue,
  type Step,
  setDeadline,
} from '../../../../src/kernel/define/process-manager/process.ts';
import { givenProcess } from '../../../../src/kernel/testing/process.ts';
import { recorded } from '../../../../src/kernel/testing/recorded.ts';
import { dimLamp, Lamp, LampLit, lampDomain, lampInput, lightLamp, mistakeOf } from './support.ts';

const ID = '00000000-0000-7000-8000-000000000001';
const Noted = defineEvent('Noted', { data: z.object({}) });
const common = {
  initialState: () => ({}),
  events: { Noted },
  evolve: { Noted: unchanged },
  reactsTo: { LampLit },
} as const;
const process = ({ streamId }: { readonly streamId: string }) => streamId;
const lit = recorded(Lamp, ID, [LampLit({ room: 'hall' })])[0];

describe('a process', () => {
  it('can neither issue a command nor set a deadline that it does not list: the compiler refuses both', () => {
    const at = new Date(0);
    defineProcess('Watch', {
      ...common,
      issues: { dimLamp },
      deadlines: { overdue: () => [issue(dimLamp, { id: ID, room: '' }), clearDeadline('overdue')] },
      on: {
        LampLit: {
          process,
          begins: true,
          react: () => [issue(dimLamp, { id: ID, room: '' }), setDeadline('overdue', at)],
        },
      },
    });
    defineProcess('Watch', {
      ...common,
      issues: { dimLamp },
      on: {
        // @ts-expect-error: lightLamp is not in `issues`
        LampLit: { process, begins: true, react: () => [issue(lightLamp, { id: ID, room: '' })] },
      },
    });
    defineProcess('Watch', {
      ...common,
      issues: {},
      deadlines: { overdue: () => [] },
      on: {
        // @ts-expect-error: there is no deadline `overdu`
        LampLit: { process, begins: true, react: () => setDeadline('overdu', at) },
      },
    });
    defineProcess('Watch', {
      ...common,
      issues: {},
      on: {
        // @ts-expect-error: there is no deadline at all
        LampLit: { process, begins: true, react: () => setDeadline('overdue', at) },
      },
    });
  });

  it.each([
    [
      'issues a command',
      issue(lightLamp, { id: ID, room: 'hall' }),
      'Process Watch in its reaction to LampLit: it issues lightLamp, which its definition does not list. Add it: issues: { lightLamp }.',
    ],
    [
      'sets a deadline',
      setDeadline('overdu', new Date(0)),
      'Process Watch in its reaction to LampLit: it sets the deadline overdu, for which it has no handler (there is overdue). ' +
        'Correct the name, or add the handler: deadlines: { overdu: (state, reached) => … }.',
    ],
    [
      'clears a deadline',
      clearDeadline('overdu'),
      'Process Watch in its reaction to LampLit: it clears the deadline overdu, for which it has no handler (there is overdue). ' +
        'Correct the name, or add the handler: deadlines: { overdu: (state, reached) => … }.',
    ],
  ])('that %s of a name that is known at run time only, and not listed, fails with that name', (_, step, message) => {
    const Watch = defineProcess('Watch', {
      ...common,
      issues: { dimLamp },
      deadlines: { overdue: () => [] },
      on: { LampLit: { process, begins: true, react: () => step as Step as never } },
    });
    expect(() => givenProcess(Watch, []).whenEvent(lit)).toThrow(
      expect.objectContaining({ code: 'STEP_UNDECLARED', message }),
    );
  });

  it('that nothing begins is refused', () => {
    const definition = { ...common, issues: {}, on: { LampLit: { process, react: () => Noted({}) } } };
    expect(mistakeOf(() => defineProcess('Watch', definition))).toMatchObject({
      code: 'NOTHING_BEGINS',
      message:
        'Process Watch has no reaction that begins it, so that it would ignore every event. ' +
        'Say begins: true in the reaction to the first event of the process, for example on: { LampLit: { begins: true, … } }.',
    });
  });

  it("that has an event of the engine's name is refused", () => {
    const DeadlineSet = defineEvent('DeadlineSet', { data: z.object({}) });
    const events = { DeadlineSet };
    const on = { LampLit: { process, begins: true, react: () => [] } };
    const definition = { ...common, events, evolve: { DeadlineSet: unchanged }, issues: {}, on };
    expect(mistakeOf(() => defineProcess('Watch', definition))).toMatchObject({
      code: 'NAME_RESERVED',
      message:
        'Process Watch has an event DeadlineSet, which is the name of an event of the engine. Give it another name.',
    });
  });

  it('that issues a command which the system may not issue is refused, with the rule that allows it', () => {
    const turnOff = defineCommand('turnOff', {
      aggregate: Lamp,
      input: lampInput,
      id: (input) => input.id,
      allow: ['staff'],
      decide: () => [],
    });
    const Watch = defineProcess('Watch', {
      ...common,
      issues: { turnOff },
      on: { LampLit: { process, begins: true, react: () => [] } },
    });
    expect(mistakeOf(() => registerDomains([lampDomain({ processes: [Watch] })]))).toMatchObject({
      code: 'SYSTEM_NOT_ALLOWED',
      facts: { command: 'turnOff', issuer: 'Process Watch' },
      message:
        'Process Watch issues turnOff, which does not allow the role system, so that it would be refused each time. ' +
        "Add it to the rule of the command: allow: ['staff', 'system'].",
    });
  });
});

describe('an effect', () => {
  it('cannot answer with a command that it does not list: the compiler refuses it', () => {
    defineEffect('Call', {
      port: definePort<unknown>('bulb'),
      reactsTo: { LampLit },
      issues: { dimLamp },
      // @ts-expect-error: lightLamp is not in `issues`
      on: { LampLit: async () => issue(lightLamp, { id: ID, room: '' }) },
    });
  });
});
