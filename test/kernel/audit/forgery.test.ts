import { describe, expect, it } from 'vitest';
import { A, B, copyOf, data, exchange, renumber, set, useAuditedLog } from '../../support/kernel/audited-log.ts';
import { hashedAgainFrom } from '../../support/kernel/forging.ts';

const { append, audit, forge, found, sign, database } = useAuditedLog();

describe('the audit of a log as it was written', () => {
  it('finds nothing, and says what is proved', async () => {
    const { fault, ...proved } = await audit({ withWitness: true });
    expect(fault).toBeUndefined();
    expect(proved).toMatchObject({ from: 1, to: 12, end: 12, heads: 2, witnessed: 2, lastHead: { position: 10 } });
  });

  it.each([
    [1, 12, 1, 12],
    [1, 5, 1, 5],
    [5, 6, 1, 6],
    [6, 7, 6, 7],
    [11, 12, 11, 12],
    [12, 12, 11, 12],
  ])('of the range %i to %i begins after the head before it', async (from, to, first, last) => {
    expect(await audit({ from, to, withWitness: true })).toMatchObject({ fault: undefined, from: first, to: last });
  });

  it('finds nothing in an empty log', async () => {
    await forge('delete from es.events; delete from es.heads');
    expect(await audit()).toMatchObject({ fault: undefined, from: 1, to: 0 });
  });

  it('finds nothing while events are appended and signed', async () => {
    const auditing = audit({ withWitness: true });
    await append(A, 8, 3);
    await sign();
    expect((await auditing).fault).toBeUndefined();
    expect(await audit({ withWitness: true })).toMatchObject({ fault: undefined, heads: 3, witnessed: 3 });
  });
});

describe('a forger who changes events', () => {
  it.each([
    ['data', set(data, 7)],
    ['metadata', set(`metadata = metadata || '{"correlationId": "another"}'`, 7)],
    ['actor', set(`metadata = jsonb_set(metadata, '{actor,id}', '"mallory"')`, 7)],
    ['time of recording', set(`recorded_at = recorded_at - interval '1 ms'`, 7)],
    ['business time', set(`occurred_at = occurred_at - interval '1 day'`, 7)],
    ['type', set(`type = 'CounterDecremented'`, 7)],
    ['schema version', set('schema_version = 2', 7)],
    ['stream', set(`stream_id = '${B}', version = 77`, 7)],
    ['version', set('version = 77', 7)],
    ['event id', set('event_id = gen_random_uuid()', 7)],
    ['command', set('command_id = gen_random_uuid()', 7)],
    ['fingerprint', set('command_fingerprint = gen_random_uuid(), command_id = gen_random_uuid()', 7)],
    ['hash', set(`hash = sha256('')`, 7)],
    ['hash, which is removed', set('hash = null', 7)],
  ])('is found at the event: %s', async (_, statement) => {
    await forge(statement);
    expect(await found({ withKey: false })).toEqual([7, 7, expect.stringMatching(/^the event was altered/)]);
  });

  it.each([1, 5, 12])('is found at the first, the last and one with a head: position %i', async (position) => {
    await forge(set(data, position));
    expect(await found()).toEqual([position, position, expect.stringMatching(/altered/)]);
  });

  it('is found if they replace the function that makes contents by one that shows what was there', async () => {
    await database.sql.unsafe(
      `create table public.kept as select position, es.event_content(e) as content from es.events e;
       grant select on public.kept to public;
       create or replace function es.event_content(e es.events) returns text language sql stable parallel safe
       return (select content from public.kept where position = e.position)`,
    );
    await forge(set(data, 7));
    expect(await found({ withKey: false })).toEqual([7, 7, expect.stringMatching(/^the event was altered/)]);
  });

  it('is found at the first of several', async () => {
    await forge([9, 3, 11].map((position) => set(data, position)).join(''));
    expect(await found()).toEqual([3, 3, expect.stringMatching(/altered/)]);
  });

  it('is found outside of an audited range only by an audit of that range', async () => {
    await forge(set(data, 3));
    expect(await found({ from: 6, to: 12 })).toBeUndefined();
    expect(await found({ from: 2, to: 4 })).toEqual([3, 3, expect.any(String)]);
  });
});

describe('a forger who removes events', () => {
  it.each([
    ['one', '= 7', [7, 7, 'the event was removed']],
    ['a range', 'between 4 and 9', [4, 9, '6 events were removed']],
    ['the first', '= 1', [1, 1, 'the event was removed']],
  ])('is found at the first that is missing: %s', async (_, which, expected) => {
    await forge(`delete from es.events where position ${which};`);
    expect(await found({ withKey: false })).toEqual(expected);
  });

  it('is found by heads if they were the last ones', async () => {
    await forge('delete from es.events where position >= 9;');
    expect(await found()).toEqual([
      9,
      10,
      expect.stringMatching(/^the log ends at 8, and a head of position 10 was signed/),
    ]);
    expect(await found({ withKey: false })).toBeUndefined();
    expect(await found({ withKey: false, withWitness: true })).toEqual([9, 10, expect.any(String)]);
  });

  it.each([1, 2, 4])('is found if the %i that followed were renumbered', async (count) => {
    await forge(`delete from es.events where position between 4 and ${3 + count}; ${renumber(-count, 4 + count)}`);
    const what = count === 1 ? 'the event was removed' : `${count} events were removed`;
    expect(await found({ withKey: false })).toEqual([4, 4, `${what}, and later ones renumbered`]);
  });
});

describe('a forger who adds and moves events', () => {
  it.each([1, 3])('is found at the first of %i that were inserted', async (count) => {
    const copies = Array.from({ length: count }, (_, nth) => copyOf(1, 4 + nth, 90 + nth));
    await forge(`${renumber(count, 4)} ${copies.join(' ')}`);
    const what = count === 1 ? 'the event was inserted' : `${count} events were inserted`;
    expect(await found({ withKey: false })).toEqual([4, 3 + count, `${what}, and later ones renumbered`]);
  });

  it.each([
    [4, 5],
    [4, 9],
    [1, 12],
  ])('is found at the first of two that were exchanged: %i and %i', async (one, other) => {
    await forge(exchange(one, other));
    expect(await found({ withKey: false })).toEqual([
      one,
      one,
      `the events at this position and at ${other} were exchanged`,
    ]);
  });

  it('is found if only their contents were exchanged, and the hashes are where they were', async () => {
    await forge(
      `create temporary table kept as select position, hash from es.events; ${exchange(4, 9)}
       update es.events e set hash = k.hash from kept k where k.position = e.position;`,
    );
    expect(await found({ withKey: false })).toEqual([4, 4, expect.stringMatching(/at 9 were exchanged/)]);
  });

  it('is found if an event was moved to a later place', async () => {
    // The event of position 4 comes after that of position 9; those between move up.
    await forge(
      `update es.events set position = -100 where position = 4;
       update es.events set position = -position + 1 where position between 5 and 9;
       update es.events set position = -position where position between -8 and -4;
       update es.events set position = 9 where position = -100;`,
    );
    expect(await found({ withKey: false })).toEqual([
      4,
      4,
      expect.stringMatching(/^events were reordered: .* at position 9$/),
    ]);
  });

  it('is found if events were renumbered', async () => {
    await forge(renumber(10, 7));
    expect(await found({ withKey: false })).toEqual([7, 7, 'the event was renumbered: it is at position 17 now']);
  });
});

describe('a forger who writes certificates of another form', () => {
  const forms = [
    '{}',
    'null',
    '{"positions": 7, "leaves": 7}',
    '{"positions": [null], "leaves": ""}',
    '{"positions": [7], "leaves": "00"}',
  ];
  const insert = (content: string) =>
    `${copyOf(1, 13)} update es.events set stream_type = 'afterwrite.Encryptions', data = '${content}' where position = 13;
     ${hashedAgainFrom(13)}`;

  it.each(forms)('certifies nothing, and keeps nobody from auditing and signing: %s', async (content) => {
    await forge(insert(content));
    expect(await audit()).toMatchObject({ fault: undefined, to: 13 });
    await sign();
    expect(await audit()).toMatchObject({ fault: undefined, lastHead: { position: 13 } });
  });

  it.each(forms)('is found at the event if it was recorded with other data: %s', async (content) => {
    await forge(insert('{"positions": [], "leaves": ""}'));
    await forge(set(`data = '${content}'`, 13));
    expect(await found()).toEqual([13, 13, expect.stringMatching(/^the event was altered/)]);
  });
});

describe('a forger who says that an event was encrypted', () => {
  it.each([0, 31, 33, 40])('is found at the event if its former leaf has %i bytes', async (bytes) => {
    await forge(`insert into es.rewrites values (7, decode(repeat('00', ${bytes}), 'hex'), gen_random_uuid());`);
    expect(await found({ withKey: false })).toEqual([7, 7, expect.stringMatching(/^the event was altered/)]);
  });
});
