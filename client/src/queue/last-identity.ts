import { attempt, type TokenStorage } from '../core/storage.ts';

/**
 * Who was asking last, kept for pages in which the application cannot tell yet. Tabs may have different users, so each
 * remembers its own over a reload; a new tab belongs to the user who was asking last in any of them.
 */
export class LastIdentity {
  readonly #places: readonly TokenStorage[];
  readonly #key: string;
  /** The user of this tab has signed out: those of other tabs do not follow. */
  #isForgotten = false;

  /** @param tab of this tab alone, if there is one. @param all that tabs share. */
  constructor(name: string, tab: TokenStorage | undefined, all: TokenStorage) {
    this.#key = `identity ${name}`;
    this.#places = tab ? [tab, all] : [all];
  }

  /** Undefined if it was never known. */
  get known(): string | undefined {
    for (const place of this.#isForgotten ? [] : this.#places) {
      const identity = attempt(() => place.getItem(this.#key));
      if (identity != null) return identity;
    }
    return undefined;
  }

  /** @param identity empty for nobody, of whom nothing is kept: a page leaves no trace after its user has signed out. */
  keep(identity: string): void {
    this.#isForgotten = identity === '';
    for (const place of this.#places) {
      const isKept = attempt(() => {
        if (identity !== '') place.setItem(this.#key, identity);
        return identity !== '';
      });
      // A full storage is no reason to refuse requests. But it must not say that it was somebody else.
      if (!isKept) attempt(() => place.removeItem(this.#key));
    }
  }

  forget(identity: string): void {
    this.#isForgotten = true;
    for (const place of this.#places) {
      attempt(() => place.getItem(this.#key) === identity && place.removeItem(this.#key));
    }
  }
}
