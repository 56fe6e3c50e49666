import { describe, expect, it } from 'vitest';
import { domains } from '../../src/domains/index.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';

const { events } = registerDomains(domains);

describe('every text in an event', () => {
  it.each(Object.values(events))('of $eventName is either personal or nonpersonal', ({ unclassified }) => {
    expect(unclassified).toEqual([]);
  });
});
