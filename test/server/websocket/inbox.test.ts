import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Inbox, PromptMessages } from '../../../src/server/websocket/inbox.ts';

const A_TURN = 20;

describe('the messages of a WebSocket', () => {
  let handled: string[];
  let turns: { readonly caller: string; readonly grant: () => void }[];
  let prompt: PromptMessages;
  const socket = { pause: vi.fn(), resume: vi.fn() };
  beforeEach(() => {
    handled = [];
    turns = [];
    prompt = new PromptMessages();
    vi.clearAllMocks();
  });

  const openInbox = (caller = 'ann') =>
    new Inbox(socket, {
      prompt,
      caller: () => caller,
      turn: () => new Promise((grant) => turns.push({ caller, grant })),
      handle: (message) => handled.push(String(message)),
    });
  const send = (inbox: Inbox, from: number, count: number) => {
    for (let nth = from; nth < from + count; nth++) inbox.add(Buffer.from(String(nth)));
  };
  /** Grants the next turn, and lets what follows from it happen. */
  const grant = async () => {
    turns.shift()?.grant();
    await new Promise(setImmediate);
  };
  const numbers = (count: number) => Array.from({ length: count }, (_, nth) => String(nth));

  it('are handled as soon as they arrive if there are few', () => {
    const inbox = openInbox();
    send(inbox, 0, A_TURN);
    expect(handled).toEqual(numbers(A_TURN));
    expect(socket.pause).not.toHaveBeenCalled();
  });

  it('wait for turns of their caller if there are many, in their order, while nothing more is read', async () => {
    const inbox = openInbox();
    send(inbox, 0, 3 * A_TURN + 1);
    expect(handled).toEqual(numbers(A_TURN));
    expect(socket.pause).toHaveBeenCalledOnce();
    await grant();
    expect(handled).toEqual(numbers(2 * A_TURN));
    await grant();
    expect(handled).toEqual(numbers(3 * A_TURN));
    expect(socket.resume).not.toHaveBeenCalled();
    await grant();
    expect(handled).toEqual(numbers(3 * A_TURN + 1));
    expect(socket.resume).toHaveBeenCalledOnce();
    expect(turns).toEqual([]);
  });

  it('are counted for their caller, over all sockets', () => {
    send(openInbox('ann'), 0, A_TURN);
    send(openInbox('ann'), A_TURN, 1);
    send(openInbox('bob'), A_TURN + 1, 1);
    expect(handled).toEqual([...numbers(A_TURN), String(A_TURN + 1)]);
    expect(turns.map(({ caller }) => caller)).toEqual(['ann']);
  });

  it('wait for one turn each if they are large', async () => {
    const inbox = openInbox();
    const large = Buffer.alloc(100_000, 'x');
    for (let nth = 0; nth < 2; nth++) inbox.add(large);
    expect(handled).toEqual([]);
    await grant();
    expect(handled).toHaveLength(1);
    await grant();
    expect(handled).toHaveLength(2);
  });

  it('are forgotten once the client is not heard any more, and nothing more is read', async () => {
    const inbox = openInbox();
    send(inbox, 0, 2 * A_TURN);
    inbox.end();
    send(inbox, 2 * A_TURN, 1);
    await grant();
    expect(handled).toEqual(numbers(A_TURN));
    expect(socket.resume).not.toHaveBeenCalled();
  });
});
