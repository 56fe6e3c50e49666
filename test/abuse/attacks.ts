import type { Attack } from './attack.ts';
import { bigOrders } from './attacks/big-orders.ts';
import { borrowedIdentities } from './attacks/borrowed-identities.ts';
import { circularTransfers } from './attacks/circular-transfers.ts';
import { commandIdGuesses } from './attacks/command-id-guesses.ts';
import { expensiveSearches } from './attacks/expensive-searches.ts';
import { hardDocuments } from './attacks/hard-documents.ts';
import { hugeAnswers } from './attacks/huge-answers.ts';
import { idleSubscriptions } from './attacks/idle-subscriptions.ts';
import { largeNotes } from './attacks/large-notes.ts';
import { longLists } from './attacks/long-lists.ts';
import { manyConnections } from './attacks/many-connections.ts';
import { manyKeys } from './attacks/many-keys.ts';
import { oddSubjects } from './attacks/odd-subjects.ts';
import { requestFlood } from './attacks/request-flood.ts';
import { slowBodies } from './attacks/slow-bodies.ts';
import { smallChanges } from './attacks/small-changes.ts';

/** Every attack, in the order in which a campaign makes them. */
export const attacks: readonly Attack[] = [
  longLists,
  hardDocuments,
  hugeAnswers,
  manyKeys,
  idleSubscriptions,
  manyConnections,
  slowBodies,
  requestFlood,
  expensiveSearches,
  oddSubjects,
  borrowedIdentities,
  commandIdGuesses,
  bigOrders,
  circularTransfers,
  smallChanges,
  largeNotes,
];
