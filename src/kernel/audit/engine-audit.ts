import { FormerEvents, type FormerEventsParts } from './former-events.ts';
import { HeadSigner, type HeadSignerParts } from './heads/head-signer.ts';
import type { SigningStatus } from './heads/signing-status.ts';

/** How an engine signs heads of its log. */
export type SigningOptions = Pick<HeadSignerParts, 'key' | 'intervalMs' | 'witness'>;

export interface EngineAuditParts extends FormerEventsParts, Pick<HeadSignerParts, 'now'> {
  /** Undefined if this instance signs no heads. */
  readonly signing: SigningOptions | undefined;
}

/** What an engine does for the proof of its log, besides appending: it chains former events, and signs heads. */
export class EngineAudit {
  readonly #former: FormerEvents;
  readonly #signer: HeadSigner | undefined;
  #isStarted = false;

  constructor({ signing, ...parts }: EngineAuditParts) {
    this.#former = new FormerEvents(parts);
    this.#signer = signing && new HeadSigner({ ...parts, ...signing });
  }

  /** How far the proof is; undefined if this instance has no key. */
  get signing(): SigningStatus | undefined {
    return this.#signer?.status;
  }

  start(): void {
    this.#isStarted = true;
    this.#former.start();
    this.#signer?.start();
  }

  /** Signs the last head. Takes at most a few seconds longer than the statements in progress. */
  async stop(): Promise<void> {
    if (!this.#isStarted) return;
    await Promise.all([this.#former.stop(), this.#signer?.stop()]);
  }
}
