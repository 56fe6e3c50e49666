/** How a test card behaves during an authorisation. */
export interface Card {
  readonly description: string;
  /** Why it is declined. */
  readonly declined?: { readonly code: string; readonly message: string };
  /** Why an authorised amount cannot be captured. */
  readonly uncapturable?: { readonly code: string; readonly message: string };
  /**
   * How the first answer is given: `slow`: after about a second; `late`: so late that no client waits for it; `lost`:
   * the connection breaks after it was done; `unsure`: the gateway says that it does not know, and has not done it;
   * `never`: no answer, and nothing was done. Later answers come at once, except for `never`.
   */
  readonly answers?: 'slow' | 'late' | 'lost' | 'unsure' | 'never';
}

/** By the tokens that a shop would receive for them. */
export const CARDS: ReadonlyMap<string, Card> = new Map(
  Object.entries<Card>({
    tok_ok: { description: 'is authorised' },
    tok_declined: {
      description: 'is declined',
      declined: { code: 'card_declined', message: 'The card was declined.' },
    },
    tok_insufficient_funds: {
      description: 'is declined, since there is not enough on it',
      declined: { code: 'insufficient_funds', message: 'There is not enough money on the card.' },
    },
    tok_slow: { description: 'is authorised after a second', answers: 'slow' },
    tok_late: { description: 'is authorised, and the answer comes when nobody waits for it', answers: 'late' },
    tok_lost: { description: 'is authorised, and the connection breaks before the answer', answers: 'lost' },
    tok_uncertain: { description: 'is answered with an error first, then authorised', answers: 'unsure' },
    tok_timeout: { description: 'is never answered', answers: 'never' },
    tok_capture_declined: {
      description: 'is authorised, and cannot be charged later',
      uncapturable: { code: 'card_expired', message: 'The card has expired.' },
    },
  }),
);
