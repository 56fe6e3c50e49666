import type { Attack } from './attack.ts';
import { bigOrders } from './attacks/commands/big-orders.ts';
import { circularTransfers } from './attacks/commands/circular-transfers.ts';
import { largeNotes } from './attacks/commands/large-notes.ts';
import { longHistories } from './attacks/commands/long-histories.ts';
import { oddTexts } from './attacks/commands/odd-texts.ts';
import { repeatedCommands } from './attacks/commands/repeated-commands.ts';
import { smallChanges } from './attacks/commands/small-changes.ts';
import { unpaidOrders } from './attacks/commands/unpaid-orders.ts';
import { oddHeads } from './attacks/connections/odd-heads.ts';
import { slowReaders } from './attacks/connections/slow-readers.ts';
import { tinyFragments } from './attacks/connections/tiny-fragments.ts';
import { borrowedIdentities } from './attacks/identities/borrowed-identities.ts';
import { commandIdGuesses } from './attacks/identities/command-id-guesses.ts';
import { manyRoles } from './attacks/identities/many-roles.ts';
import { newSubjects } from './attacks/identities/new-subjects.ts';
import { oddSubjects } from './attacks/identities/odd-subjects.ts';
import { noContact } from './attacks/no-contact.ts';
import { forgedCursors } from './attacks/reads/forged-cursors.ts';
import { formerVersions } from './attacks/reads/former-versions.ts';
import { manyNodes } from './attacks/reads/many-nodes.ts';
import { misses } from './attacks/reads/misses.ts';
import { expensiveSearches } from './attacks/requests/expensive-searches.ts';
import { hardDocuments } from './attacks/requests/hard-documents.ts';
import { hugeAnswers } from './attacks/requests/huge-answers.ts';
import { hugeVariables } from './attacks/requests/huge-variables.ts';
import { largeReceipts } from './attacks/requests/large-receipts.ts';
import { longLists } from './attacks/requests/long-lists.ts';
import { manyConnections } from './attacks/requests/many-connections.ts';
import { nestedVariables } from './attacks/requests/nested-variables.ts';
import { oddRequests } from './attacks/requests/odd-requests.ts';
import { requestFlood } from './attacks/requests/request-flood.ts';
import { slowBodies } from './attacks/requests/slow-bodies.ts';
import { tinyChunks } from './attacks/requests/tiny-chunks.ts';
import { unreadAnswers } from './attacks/requests/unread-answers.ts';
import { futureTokens } from './attacks/subscriptions/future-tokens.ts';
import { idleSubscriptions } from './attacks/subscriptions/idle-subscriptions.ts';
import { manyKeys } from './attacks/subscriptions/many-keys.ts';
import { manyLiveQueries } from './attacks/subscriptions/many-live-queries.ts';
import { oddMessages } from './attacks/subscriptions/odd-messages.ts';
import { pingFlood } from './attacks/subscriptions/ping-flood.ts';
import { publicLiveQueries } from './attacks/subscriptions/public-live-queries.ts';
import { streamStorm } from './attacks/subscriptions/stream-storm.ts';
import { subscriptionChurn } from './attacks/subscriptions/subscription-churn.ts';

/** Every attack, in the order in which a campaign makes them. The first is none: it shows what the machine contributes. */
export const attacks: readonly Attack[] = [
  noContact,
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
  oddRequests,
  nestedVariables,
  unreadAnswers,
  manyRoles,
  subscriptionChurn,
  futureTokens,
  repeatedCommands,
  longHistories,
  oddTexts,
  hugeVariables,
  largeReceipts,
  oddMessages,
  manyLiveQueries,
  manyNodes,
  pingFlood,
  misses,
  streamStorm,
  tinyChunks,
  formerVersions,
  unpaidOrders,
  oddHeads,
  slowReaders,
  tinyFragments,
  newSubjects,
  forgedCursors,
  publicLiveQueries,
];
