/** A promise that was broken. */
export const VIOLATIONS = {
  'positions are not dense': 'The log has a hole, or a position twice.',
  'versions are not 1..n': 'A stream has a hole, or a version twice, or its row tells another version than its events.',
  'acknowledged and lost': 'A command was acknowledged and is not in the log.',
  'in the log twice': 'A command took effect more than once.',
  'wrong receipt': 'A receipt tells another stream, version, position or event than the log has.',
  'refused and in the log': 'A command was only ever refused and is in the log nevertheless.',
  'wrong refusal': 'A command was refused for a reason that was not there.',
  'from nobody': 'The log holds what nobody has sent, and what does not follow from something that somebody has.',
  'stock is not held': 'What is set aside of a product is not what its open orders hold, or is more than there is.',
  'order left alone': 'An order was neither confirmed nor cancelled.',
  'deadline came early': 'A process was told that a time was over that was not, or had set it too near.',
  'token not reflected': 'A read did not show what its token stands for.',
  'never so': 'Somebody was shown a state that has never been.',
  'token not honoured': 'A token that this store had given was refused.',
  'no such token': 'A client was given a token that names no place in the log.',
  'token went back': 'A client was given a token that is older than one it had been given before.',
  'table differs': 'A live table is not what a fold of the log from scratch gives.',
  'not caught up': 'A read model stands still behind the log, or has parked an event, though no event is at fault.',
  'subscription not at the end': 'A subscription ended on a state that is not the last one, or missed a change.',
  'subscription went back': 'A subscription showed an older state after a newer one.',
  'server ended by itself': 'A server process ended though nobody had ended it.',
  'server did not serve':
    'A server did not do its work again when a harm was over, or in spite of one that it has to endure.',
  'readiness did not tell': 'A server that could not do its work did not say so.',
} as const;

export type ViolationKind = keyof typeof VIOLATIONS;

/** Something that is wrong, with all that is known about it. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly facts: Readonly<Record<string, unknown>>;
}
