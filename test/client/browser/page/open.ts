import { type Afterwrite, type AfterwriteOptions, createAfterwrite } from '../../../../client/src/index.ts';
import { queueIn } from '../../../../client/src/queue.ts';
import { type Offer, RENAME, type Shop } from './shop.ts';

declare global {
  interface Window {
    shop: Offer;
    /** The application's own sign-in, which the test plays. */
    askForAccessToken(rejected?: string): Promise<string | undefined>;
  }
}

/** Opens the page: `/?api=URL`. */
export function open(options: Partial<AfterwriteOptions>, makeShop: (afterwrite: Afterwrite) => Shop): void {
  const afterwrite = createAfterwrite({
    url: new URLSearchParams(location.search).get('api') ?? '',
    auth: (rejected) => window.askForAccessToken(rejected),
    queue: queueIn(localStorage),
    ...options,
  });
  window.shop = {
    ...makeShop(afterwrite),
    queue: (id, name) => {
      afterwrite.command(RENAME, { id, name }, { queue: true }).catch((error) => console.error(error));
    },
    queued: () => afterwrite.queued,
    token: () => afterwrite.token,
    signIn: () => afterwrite.signIn(),
    signOut: () => afterwrite.signOut(),
  };
}
