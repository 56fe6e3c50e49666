import { describe, expect, it } from 'vitest';
import app from '../../src/app.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';
import { personalColumnMistakes, personalMistakes } from '../../src/kernel/define/registration/personal-mistakes.ts';

describe('the events of the shop', () => {
  it('say whom they are about, and have personal parts that can be erased', () => {
    expect(personalMistakes(registerDomains(app.domains)).map(({ message }) => message)).toEqual([]);
  });
});

describe('the read models of the shop', () => {
  it('declare every column that gets personal data, and have none in their keys', () => {
    expect(personalColumnMistakes(registerDomains(app.domains)).map(({ message }) => message)).toEqual([]);
  });
});
