import { describe, expect, it } from 'vitest';
import app from '../../src/app.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';
import { personalMistakes } from '../../src/kernel/define/registration/personal-mistakes.ts';

describe('the events of the shop', () => {
  it('say whom they are about, and have personal parts that can be erased', () => {
    expect(personalMistakes(registerDomains(app.domains)).map(({ message }) => message)).toEqual([]);
  });
});
