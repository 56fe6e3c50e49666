/** How far the proof of a log is, as an instance knows it that signs heads or could. */
export interface SigningStatus {
  /** The position of the newest head; 0 if there is none. */
  readonly position: number;
  /** When it was signed, in ms since 1970; undefined if there is none. */
  readonly signedAt: number | undefined;
  /** Number of heads that the witness has not taken yet; undefined if there is no witness. */
  readonly unwitnessed: number | undefined;
  /** The failure after which no turn has succeeded, of signing or of the witness; undefined if all is well. */
  readonly failure: { readonly at: number; readonly message: string } | undefined;
}
