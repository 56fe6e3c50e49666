import type { TokenChange } from './tokens.ts';

/** Where a tab keeps its newest token over a reload: `sessionStorage`, or something like it. */
export type TokenStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** How far tokens are shared: with other tabs and over reloads, over reloads of this tab, or not at all. */
export type Share = 'tabs' | 'tab' | 'none';

type Message = TokenChange | 'asks' | { readonly signedOut: string | undefined };

/** What reaches this tab from others. */
export interface SharedEvents {
  readonly newest: () => string | undefined;
  readonly heard: (token: string) => void;
  readonly dropped: (token: string) => void;
  /** A user has signed out; undefined if it is not known who it was. */
  readonly signedOut: (identity: string | undefined) => void;
}

/** The connection of a client to other tabs, and to itself after a reload. */
export interface Sharing {
  tell(change: TokenChange): void;
  /** Forgets the token that is kept over a reload. */
  forget(): void;
  signOut(identity: string | undefined): void;
  close(): void;
}

/** True in a page; false on a server, whose callers must not share anything by accident. */
export const inPage = 'document' in globalThis;

/** Shares tokens of one server, named by its URL, as far as the environment can. */
export function shareTokens(
  url: string,
  share: Share,
  storage: TokenStorage | undefined,
  events: SharedEvents,
): Sharing {
  const key = `afterwrite ${url}`;
  const kept = share === 'none' ? undefined : (storage ?? (inPage ? sessionStorage : undefined));
  const channel = share === 'tabs' && typeof BroadcastChannel !== 'undefined' ? new BroadcastChannel(key) : undefined;
  // A server process may end although it listens.
  (channel as { unref?(): void } | undefined)?.unref?.();
  const post = (message: Message) => channel?.postMessage(message);
  const keep = (change: TokenChange) =>
    attempt(() => ('saw' in change ? kept?.setItem(key, change.saw) : kept?.removeItem(key)));
  const former = attempt(() => kept?.getItem(key));
  if (former) events.heard(former);
  if (channel) {
    channel.onmessage = ({ data }: { data: unknown }) => {
      const message = data as Message;
      const newest = events.newest();
      if (message === 'asks') newest && post({ saw: newest });
      else if ('signedOut' in message) events.signedOut(message.signedOut);
      else if ('saw' in message) events.heard(message.saw);
      else events.dropped(message.forgot);
    };
  }
  post('asks');
  const forget = () => attempt(() => kept?.removeItem(key));
  return {
    forget,
    tell: (change) => {
      keep(change);
      post(change);
    },
    signOut: (identity) => {
      forget();
      post({ signedOut: identity });
    },
    close: () => channel?.close(),
  };
}

/** A storage may refuse: it is full, or the user has forbidden it. Then tokens live only as long as the page. */
function attempt<Result>(use: () => Result): Result | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
