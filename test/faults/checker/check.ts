import type { History } from '../history.ts';
import { checkCommands } from './commands.ts';
import type { Evidence } from './evidence.ts';
import { Log } from './log.ts';
import { checkOrder } from './order.ts';
import { checkReads } from './reads.ts';
import { checkStock } from './stock.ts';
import { checkSubscriptions } from './subscriptions.ts';
import { checkTables } from './tables.ts';
import { checkTokens } from './tokens.ts';
import type { Violation } from './violation.ts';

/**
 * Judges what clients were told by what is there in the end. A pure function.
 * @returns all that is wrong; nothing where every promise was kept.
 */
export function check(histories: readonly History[], evidence: Evidence): Violation[] {
  const log = new Log(evidence);
  return [
    ...checkOrder(evidence),
    ...checkCommands(histories, log),
    ...checkReads(histories, evidence, log),
    ...checkTokens(histories, log),
    ...checkTables(evidence),
    ...checkStock(evidence),
    ...checkSubscriptions(histories, evidence, log),
    ...evidence.crashes.map((crash): Violation => ({ kind: 'server ended by itself', facts: { crash } })),
  ];
}
