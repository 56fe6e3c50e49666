import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { personal } from '../../../src/kernel/define/personal/personal.ts';
import { personalPartsOf } from '../../../src/kernel/define/personal/personal-parts.ts';
import { sealBox } from '../../../src/kernel/privacy/box.ts';
import { GONE } from '../../../src/kernel/privacy/keyring.ts';
import { type KeyLookup, maskedData, openData, SealError, sealData } from '../../../src/kernel/privacy/sealed-data.ts';
import { fc } from '../../support/properties.ts';
import { person } from './people.ts';

const Schema = z.object({
  anything: personal(z.json()),
  record: z.record(z.string(), personal(z.json())),
  list: z.array(z.object({ open: z.json(), hidden: personal(z.json()).optional() })),
  open: z.json(),
});
const parts = personalPartsOf(Schema);
/** JSON as a schema returns it: without `__proto__`, which zod leaves out. */
const Json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'));
const Name = fc.string().filter((name) => name !== '__proto__');
const Data = fc.record({
  anything: Json,
  record: fc.dictionary(Name, Json, { noNullPrototype: true }),
  list: fc.array(fc.record({ open: Json, hidden: Json }, { requiredKeys: ['open'], noNullPrototype: true })),
  open: Json,
});
const place = { streamType: 'Person', streamId: '0197f3a2-0000-7000-8000-000000000001', version: 3 };
const subject = person('ada');
const key = randomBytes(32);
const keys: KeyLookup = () => key;
const sealed = (data: unknown) => {
  const found = parts.find(data).map((part) => ({ ...part, until: undefined }));
  return JSON.parse(JSON.stringify(sealData(data, { subject, parts: found }, place, keys))) as Record<string, unknown>;
};

describe('sealed data', () => {
  it('is opened as it was, whatever it was', () => {
    fc.assert(
      fc.property(Data, (data) => {
        const before = JSON.stringify(data);
        expect(openData(sealed(data), place, keys)).toEqual(JSON.parse(before));
        expect(JSON.stringify(data)).toBe(before);
      }),
    );
  });

  it('has nothing of what is personal, and all of the rest', () => {
    const secret = 'Ada Lovelace';
    fc.assert(
      fc.property(Data, (data) => {
        const text = JSON.stringify(sealed({ ...data, anything: { secret }, record: { a: secret }, open: 'open' }));
        expect(text).not.toContain(secret);
        expect(text).toContain('"open":"open"');
      }),
    );
  });

  it('is erased in the same places with and without its key', () => {
    fc.assert(
      fc.property(Data, (data) => {
        const stored = sealed(data);
        expect(openData(stored, place, () => GONE)).toEqual(maskedData(stored));
        expect(Schema.safeParse(maskedData(stored)).success).toBe(true);
      }),
    );
  });

  it('opens in its own event only, and only as it was sealed', () => {
    const stored = sealed({ anything: 'Ada', record: {}, list: [], open: 1 });
    expect(() => openData(stored, { ...place, version: 4 }, keys)).toThrow(SealError);
    expect(() => openData(stored, place, () => randomBytes(32))).toThrow(SealError);
    expect(() => openData(stored, place, () => 'lost')).toThrow(/es\.subject_keys does not have/);
    const moved = JSON.parse(JSON.stringify(stored).replace('/anything', '/open'));
    expect(() => openData(moved, place, keys)).toThrow(SealError);
  });

  it('never uses a nonce twice', () => {
    const nonces = Array.from({ length: 20_000 }, () => sealBox(key, Buffer.of(1), '').toString('base64', 0, 12));
    expect(new Set(nonces).size).toBe(nonces.length);
  });
});
