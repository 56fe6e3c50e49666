import { expect, it } from 'vitest';
import { message } from '../../../src/database/link/messages.ts';
import { CurrentPrefix, PrefixedMessages, statementPrefix } from '../../../src/database/link/statement-prefix.ts';
import { fc } from '../../support/properties.ts';

const prefix = statementPrefix('whose', 'select set_config($1)', 'acme');
const NONE = Buffer.alloc(0);
const sync = message('S', NONE);
/** As the driver sends it: parsed the first time, and described before it is bound if it has parameters. */
const statement = (isNew: boolean) => [
  ...(isNew ? [message('P', 'own', 'select 1', NONE), message('D', 'S', 'own')] : []),
  message('B', '', 'own', NONE),
  message('E', '', NONE),
  sync,
];
const rows = (count: number, bytes: number) =>
  Array.from({ length: count }, () => message('D', Buffer.alloc(bytes, 65)));
const answerOf = (count: number, bytes: number) => [
  message('2', NONE),
  ...rows(count, bytes),
  message('C', `SELECT ${count}`),
  message('Z', Buffer.from('I')),
];
const ofPrefix = (isNew: boolean) => [
  ...(isNew ? [message('1', NONE)] : []),
  message('2', NONE),
  ...rows(1, 12),
  message('C', 'SELECT 1'),
];
const notice = message('N', Buffer.from('some notice'));

function received(messages: PrefixedMessages, bytes: Buffer, pieces: readonly number[]): Buffer {
  const passed: Buffer[] = [];
  let at = 0;
  for (let nth = 0; at < bytes.length; nth++) {
    const length = pieces[nth % pieces.length] ?? 1;
    passed.push(messages.received(bytes.subarray(at, at + length)));
    at += length;
  }
  return Buffer.concat(passed);
}

it('a prefix is sent once before each statement, and prepared once', () => {
  const messages = new PrefixedMessages({ current: prefix });
  const [parse, describe, bind, execute] = statement(true) as [Buffer, Buffer, Buffer, Buffer];
  expect(messages.sent(Buffer.concat([parse, describe]))).toEqual(
    Buffer.concat([prefix.prepare, prefix.execute, parse, describe]),
  );
  const rest = Buffer.concat([bind, execute, sync]);
  expect(messages.sent(rest)).toEqual(rest);
  const again = Buffer.concat(statement(false));
  expect(messages.sent(Buffer.concat([again, again]))).toEqual(
    Buffer.concat([prefix.execute, again, prefix.execute, again]),
  );
});

it('the driver gets everything but the answers to the prefix, in whatever pieces it arrives', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ count: fc.nat(3), bytes: fc.nat(40), isTold: fc.boolean() }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 9 }),
      (asked, pieces) => {
        const messages = new PrefixedMessages({ current: prefix });
        for (const [nth, { count, bytes, isTold }] of asked.entries()) {
          messages.sent(Buffer.concat(statement(nth === 0)));
          const answer = [...(isTold ? [notice] : []), ...answerOf(count, bytes)];
          const sent = Buffer.concat([...(isTold ? [notice] : []), ...ofPrefix(nth === 0), ...answerOf(count, bytes)]);
          expect(received(messages, sent, pieces)).toEqual(Buffer.concat(answer));
        }
      },
    ),
  );
});

it('the driver gets the error of a prefix as that of its statement, after which none is prepared on the connection', () => {
  const messages = new PrefixedMessages({ current: prefix });
  messages.sent(Buffer.concat(statement(true)));
  const failed = Buffer.concat([message('E', Buffer.from('failed')), message('Z', Buffer.from('I'))]);
  expect(messages.received(failed)).toEqual(failed);
  const next = Buffer.concat(statement(false));
  expect(messages.sent(next)).toEqual(Buffer.concat([prefix.executeOnce, next]));
  const answer = Buffer.concat(answerOf(1, 5));
  expect(messages.received(Buffer.concat([...ofPrefix(true), answer]))).toEqual(answer);
});

it('nothing is prepared for a statement that is not', () => {
  const messages = new PrefixedMessages({ current: prefix });
  const unnamed = Buffer.concat([message('P', '', 'select 1', NONE), message('B', '', '', NONE), sync]);
  expect(messages.sent(unnamed)).toEqual(Buffer.concat([prefix.executeOnce, unnamed]));
  const named = Buffer.concat(statement(false));
  expect(messages.sent(named)).toEqual(Buffer.concat([prefix.prepare, prefix.execute, named]));
});

it('simple queries, and statements without a prefix, pass through as they are', () => {
  const current = new CurrentPrefix();
  const messages = new PrefixedMessages(current);
  const bytes = Buffer.concat(statement(true));
  expect(messages.sent(bytes)).toBe(bytes);
  expect(messages.received(Buffer.concat(answerOf(2, 9)))).toEqual(Buffer.concat(answerOf(2, 9)));
  current.become(prefix);
  const simple = message('Q', 'begin');
  expect(messages.sent(simple)).toBe(simple);
});
