import { describe, expect, it } from 'vitest';
import { A, B, copyOf, data, exchange, renumber, set, useAuditedLog } from '../../support/kernel/audited-log.ts';
import { hashedAgainFrom } from '../../support/kernel/forging.ts';

const { append, audit, forge, found, sign, signAsAnother } = useAuditedLog();

describe('a forger who computes all later hashes again', () => {
  it.each([
    ['altered', `${set(data, 7)} ${hashedAgainFrom(7)}`],
    ['removed', `delete from es.events where position = 7; ${renumber(-1, 8)} ${hashedAgainFrom(7)}`],
    ['inserted', `${renumber(1, 7)} ${copyOf(1, 7)} ${hashedAgainFrom(7)}`],
    ['exchanged', `${exchange(7, 8)} ${hashedAgainFrom(7)}`],
  ])('is found by heads, between the last that fits and the next: one was %s', async (_, statements) => {
    await forge(statements);
    expect(await found({ withKey: false })).toBeUndefined();
    expect(await found()).toEqual([6, 10, expect.stringMatching(/are not what was signed/)]);
  });

  it('is found by the witness if the heads were removed too, or signed again with another key', async () => {
    await forge(`${set(data, 7)} ${hashedAgainFrom(7)} delete from es.heads where position > 5;`);
    expect(await found()).toBeUndefined();
    expect(await found({ withWitness: true })).toEqual([6, 10, expect.stringMatching(/not what the witness has seen/)]);
    await forge('delete from es.heads;');
    await signAsAnother();
    expect(await found()).toEqual([12, 12, expect.stringMatching(/^the head is signed by another key/)]);
  });

  it('is found at the latest at the first event that was recorded after the head was signed', async () => {
    await forge(
      `delete from es.events where position >= 8; update es.streams set version = 5 where stream_id = '${A}';
      update es.streams set version = 2 where stream_id = '${B}';`,
    );
    await append(A, 5, 6);
    expect(await found()).toEqual([
      6,
      8,
      expect.stringMatching(/event 8 was recorded after the head of position 10 was signed$/),
    ]);
  });
});

describe('a forger who pretends that former events are still being hashed', () => {
  it.each([0, 6])('is found by heads, or by the witness: up to %i', async (position) => {
    await forge(`${set(data, 7)} update es.chain set completed_at = null, former_position = ${position};`);
    const expected = [1, 10, expect.stringMatching(/^es.chain says .* a head of position 10 was signed/)];
    expect(await found()).toEqual(expected);
    expect(await found({ withKey: false })).toEqual(expected);
    await forge('delete from es.heads;');
    expect(await found({ withWitness: true })).toEqual([1, 5, expect.stringMatching(/^es.chain says/)]);
  });

  it('gets no further head signed, and does not hide the end of the log', async () => {
    await forge('update es.chain set completed_at = null, former_position = 0;');
    await expect(sign()).rejects.toThrow(/^es.chain says .* a head of position 10 was signed/);
    expect(await audit()).toMatchObject({ end: 12 });
  });
});

describe('a log that was restored from a backup', () => {
  /** As it was at a position, with the heads of that time. */
  const restore = (position: number) =>
    forge(
      `delete from es.events where position > ${position}; delete from es.heads where position > ${position};
      update es.streams s set version = (select count(*) from es.events e where e.stream_id = s.stream_id)`,
    );

  it('is found by the witness at its end', async () => {
    await restore(7);
    expect(await found()).toBeUndefined();
    expect(await found({ withWitness: true })).toEqual([8, 10, expect.stringMatching(/^the log ends at 7/)]);
  });

  it('is found by the witness at the latest at the first event that was appended afterwards', async () => {
    await restore(7);
    await append(A, 5, 6);
    expect(await found({ withWitness: true })).toEqual([
      6,
      8,
      expect.stringMatching(/event 8 was recorded after the head/),
    ]);
  });
});

describe('a log that was emptied and written anew', () => {
  it('is found by heads, and by the witness if those are gone too', async () => {
    await forge('delete from es.events; delete from es.streams;');
    await append(A, 0, 12);
    expect(await found()).toEqual([1, 1, expect.stringMatching(/recorded after the head of position 5 was signed$/)]);
    await forge('delete from es.heads;');
    expect(await found()).toBeUndefined();
    expect(await found({ withWitness: true })).toEqual([1, 1, expect.any(String)]);
  });

  it('is found by its origin', async () => {
    await forge(`update es.chain set origin = gen_random_uuid();`);
    expect(await found()).toEqual([1, 1, expect.stringMatching(/altered/)]);
    await forge(hashedAgainFrom(1));
    expect(await found()).toEqual([1, 5, expect.stringMatching(/for another log/)]);
  });
});

describe('a forger who changes heads', () => {
  it.each([
    ['removes one', 'delete from es.heads where position = 5', [1, 10, /a head was removed or inserted/]],
    [
      'alters its text',
      `update es.heads set text = replace(text, '"position":5', '"position":4') where position = 5`,
      [5, 5, /signature/],
    ],
    [
      'alters its time',
      `update es.heads set text = replace(text, '"signedAt":"20', '"signedAt":"19') where position = 5`,
      [5, 5, /signature/],
    ],
    ['moves it', 'update es.heads set position = 6 where position = 5', [6, 6, /does not belong here/]],
    [
      'alters its signature',
      'update es.heads set signature = (select signature from es.heads where position = 10) where position = 5',
      [5, 5, /signature/],
    ],
  ] as const)('is found if they %s', async (_, statement, [from, to, reason]) => {
    await forge(statement);
    expect(await found()).toEqual([from, to, expect.stringMatching(reason)]);
  });

  it('is found by the next signature if the stored tree is another', async () => {
    await forge(`update es.heads set peaks = sha256('a') || sha256('b') where position = 10`);
    await expect(sign()).rejects.toMatchObject({
      code: 'LOG_ALTERED',
      from: 10,
      message: expect.stringMatching(/another Merkle tree/),
    });
    expect(await found({ from: 11 })).toEqual([10, 10, expect.stringMatching(/another Merkle tree/)]);
  });
});

describe('the signature of a head', () => {
  it.each([
    ['altered', set(data, 11), 11],
    ['removed', 'delete from es.events where position = 11', 11],
  ])('is refused if an event since the last one was %s', async (_, statement, from) => {
    await forge(statement);
    await expect(sign()).rejects.toMatchObject({ code: 'LOG_ALTERED', from });
  });

  it('is refused if the log ends before the last head', async () => {
    await forge('delete from es.events where position > 8');
    await expect(sign()).rejects.toMatchObject({ code: 'LOG_ALTERED', from: 9, to: 10 });
  });
});
