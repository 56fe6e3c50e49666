import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineAggregate,
  defineApp,
  defineCommand,
  defineDomain,
  defineEvent,
  defineRoles,
  defineSetting,
  settingValue,
  unchanged,
} from '../../src/index.ts';
import { ConfigError, readConfig } from '../../src/settings/config.ts';

const Opened = defineEvent('Opened', { data: z.object({}) });
const Door = defineAggregate('Door', { initialState: () => ({}), events: { Opened }, evolve: { Opened: unchanged } });

/** A domain with one command, which these roles may issue. */
const doorsFor = (...allow: string[]) =>
  defineDomain({
    name: 'doors',
    aggregates: [Door],
    commands: [
      defineCommand('open', {
        aggregate: Door,
        creates: true,
        input: z.object({}),
        id: () => undefined,
        allow: allow as never,
        decide: () => Opened({}),
      }),
    ],
    projections: [],
    graphql: () => {},
  });

const roles = defineRoles({ guard: { description: 'Guards doors.' }, boss: { description: 'Owns doors.' } });
const limit = defineSetting('DOOR_LIMIT', 'Most doors.', settingValue.wholeNumber(1, 9), { default: '3' });

const hello = () => new Command('hello');

describe('defineApp', () => {
  it('needs no more than a name, roles and domains', () => {
    const app = defineApp({ name: 'doors', roles, domains: [doorsFor('guard')] });
    expect(app).toMatchObject({
      settings: {},
      commands: expect.any(Function),
      migrations: undefined,
      developerRoles: ['guard', 'boss'],
    });
  });

  it.each([
    ['a list', [hello]],
    ['a function that imports them', async () => [hello]],
  ])('takes the commands of the application as %s', async (_, commands) => {
    const app = defineApp({ name: 'doors', roles, domains: [], commands });
    expect(await app.commands()).toEqual([hello]);
  });

  it('takes the role that the engine acts in without a declaration', () => {
    expect(() => defineApp({ name: 'doors', roles, domains: [doorsFor('system')] })).not.toThrow();
  });

  it('refuses a rule about a role that is not declared, and says which are', () => {
    expect(() => defineApp({ name: 'doors', roles, domains: [doorsFor('guard', 'gaurd')] })).toThrow(
      'Command open allows "gaurd", which is no role of the application; declared are guard, boss, system.',
    );
  });

  it('refuses to declare the role that the engine acts in', () => {
    expect(() => defineRoles({ system: { description: 'Everything.' } })).toThrow('Choose another name.');
  });

  it.each(['Doors', 'my doors', ''])('refuses the name %j', (name) => {
    expect(() => defineApp({ name, roles, domains: [] })).toThrow('lower-case letters, digits and hyphens');
  });

  it('refuses a setting that is called as one of the product', () => {
    const port = defineSetting('PORT', 'Another port.', settingValue.text);
    expect(() => defineApp({ name: 'doors', roles, domains: [], settings: { doorPort: port } })).toThrow(
      "The setting PORT (doorPort) is Afterwrite's; choose another name.",
    );
    expect(() => defineApp({ name: 'doors', roles, domains: [], settings: { port: limit } })).toThrow(
      "The setting DOOR_LIMIT (port) is Afterwrite's",
    );
  });

  it('refuses a setting that is not written as an environment variable', () => {
    const small = defineSetting('doorLimit', 'Most doors.', settingValue.text);
    expect(() => defineApp({ name: 'doors', roles, domains: [], settings: { small } })).toThrow(
      'The setting small is called doorLimit; write it like PORT or MAX_WAITERS.',
    );
  });

  it('has its settings read with those of the product', () => {
    const { settings } = defineApp({ name: 'doors', roles, domains: [], settings: { limit } });
    expect(readConfig({}, settings)).toMatchObject({ limit: 3, port: 4000 });
    expect(readConfig({ DOOR_LIMIT: '9' }, settings)).toMatchObject({ limit: 9 });
    expect(() => readConfig({ DOOR_LIMIT: '10' }, settings)).toThrow(ConfigError);
  });
});
