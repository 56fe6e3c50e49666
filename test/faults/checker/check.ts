import type { History } from '../history.ts';
import { checkCommands } from './commands.ts';
import { checkDeadlines } from './deadlines.ts';
import type { Evidence, Unmet } from './evidence.ts';
import { Log } from './log.ts';
import { checkOrder } from './order.ts';
import { checkReads } from './reads.ts';
import { checkStock } from './stock.ts';
import { checkSubscriptions } from './subscriptions.ts';
import { checkTables } from './tables.ts';
import { checkTokens } from './tokens.ts';
import type { Violation, ViolationKind } from './violation.ts';

const UNMET: Readonly<Record<Unmet['expected'], ViolationKind>> = {
  'readiness tells': 'readiness did not tell',
  'server serves': 'server did not serve',
};

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
    ...checkDeadlines(evidence),
    ...checkSubscriptions(histories, evidence, log),
    ...evidence.crashes.map((crash): Violation => ({ kind: 'server ended by itself', facts: { crash } })),
    ...evidence.unmet.map(({ expected, facts }): Violation => ({ kind: UNMET[expected], facts })),
  ];
}
