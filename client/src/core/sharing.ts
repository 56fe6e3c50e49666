import { pause } from './pause.ts';
import { attempt, type TokenStorage } from './storage.ts';
import type { TokenChange } from './tokens.ts';

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
  /** Settles when other tabs have told what they have seen, or had time to. */
  readonly replied: Promise<unknown>;
  /** Keeps the newest token over a reload; none if there is none. */
  keep(): void;
  /** Tells other tabs that a user has signed out, whose tokens are forgotten already. */
  signOut(identity: string | undefined): void;
  close(): void;
}

/** Half of the time that other tabs have to tell what they have seen, in ms. The first query of a page waits for it. */
const HALF_REPLY_MS = 15;

/** True in a page; false on a server, whose callers must not share anything by accident. */
export const inPage = 'document' in globalThis;

/** Shares tokens of one server, named by its URL, as far as the environment can. */
export function shareTokens(url: string, share: Share, kept: TokenStorage | undefined, events: SharedEvents): Sharing {
  const key = `afterwrite ${url}`;
  // A browser may lack it, or forbid it to this page.
  const channel = share === 'tabs' ? attempt(() => new BroadcastChannel(key)) : undefined;
  // A server process may end although it listens.
  (channel as { unref?(): void } | undefined)?.unref?.();
  // A closed channel refuses.
  const post = (message: Message) => attempt(() => channel?.postMessage(message));
  const keep = () => {
    const newest = events.newest();
    attempt(() => (newest === undefined ? kept?.removeItem(key) : kept?.setItem(key, newest)));
  };
  const former = attempt(() => kept?.getItem(key));
  if (former) events.heard(former);
  const replied = new Promise<void>((resolve) => {
    if (!channel) return resolve();
    channel.onmessage = ({ data }: { data: unknown }) => {
      const message = data as Message;
      const newest = events.newest();
      if (message === 'asks') return newest && post({ saw: newest });
      if ('signedOut' in message) return events.signedOut(message.signedOut);
      if ('saw' in message) events.heard(message.saw);
      else events.dropped(message.forgot);
      keep();
      resolve();
    };
    // In two parts, so that a page that was busy reads a reply that has arrived before it gives up.
    void pause(HALF_REPLY_MS)
      .then(() => pause(HALF_REPLY_MS))
      .then(resolve);
  });
  post('asks');
  return {
    replied,
    keep,
    tell: (change) => {
      keep();
      post(change);
    },
    signOut: (identity) => {
      keep();
      post({ signedOut: identity });
    },
    close: () => channel?.close(),
  };
}
