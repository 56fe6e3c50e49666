import {
  type DocumentNode,
  type ExecutionArgs,
  type GraphQLError,
  getOperationAST,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../../graphql/context.ts';
import { graphqlErrorOf, OverLimitError } from './over-limit.ts';
import { pointsOfBytes } from './traffic.ts';
import type { Visit } from './visit.ts';

/** A command costs more than a query: it uses space in the log permanently. */
const COMMAND_POINTS = 2;
const HTTP_TOO_MANY_REQUESTS = 429;

type Visited = Pick<Context, 'budget' | 'operation'> & { readonly visit?: Visit };
type Stop = (result: { errors: GraphQLError[] }) => void;

/**
 * Counts the cost of operations and the open subscriptions, for HTTP, SSE and WebSocket alike. The first point was
 * spent before the document was read. What was read and answered is known afterwards: it counts for the next operation.
 */
export function useCallerLimits(): Plugin {
  return {
    onExecute: ({ args, setResultAndStopExecution: stop }) => {
      const { visit, budget } = args.contextValue as unknown as Visited;
      if (!visit) return undefined;
      const done = {
        onExecuteDone: () => {
          spendLater(visit, budget.chargedBytes);
          budget.chargeLater((bytes) => spendLater(visit, bytes));
        },
      };
      const more = pointsOf(args.document, args.operationName) - 1;
      // Most queries have one field at their root. They wait for nothing.
      if (more <= 0) return done;
      const refuse = refuseBy(visit, stop as Stop);
      try {
        return visit.spend(more)?.then(() => done, refuse) ?? done;
      } catch (error) {
        refuse(error);
        return undefined;
      }
    },
    onSubscribe: ({ args, setResultAndStopExecution: stop }) => {
      const { visit, budget, operation } = args.contextValue as unknown as Visited;
      if (!visit) return undefined;
      let release: () => void;
      try {
        release = visit.subscribe();
      } catch (error) {
        refuseBy(visit, stop as Stop)(error);
        return undefined;
      }
      operation.chargeBy((bytes, fields) => waitAfter(visit, fields + pointsOfBytes(bytes)));
      return {
        onSubscribeError: release,
        onSubscribeResult: ({ result }) => {
          if (!(Symbol.asyncIterator in result)) {
            release();
            return undefined;
          }
          let spent = 0;
          const onNext = () => {
            spendLater(visit, budget.chargedBytes - spent);
            spent = budget.chargedBytes;
          };
          const onEnd = () => {
            release();
            onNext();
            budget.chargeLater((bytes) => spendLater(visit, bytes));
          };
          return { onNext, onEnd };
        },
      };
    },
  };
}

function spendLater(visit: Visit, bytes: number): void {
  const points = pointsOfBytes(bytes);
  // Callers who exceed their limit with this still get the answer; their next operation is refused.
  if (points > 0) void waitAfter(visit, points);
}

/** Counts points. @returns how long a caller who exceeds their limit should wait, in ms; 0 for all others. */
async function waitAfter(visit: Visit, points: number): Promise<number> {
  if (points === 0) return 0;
  try {
    await visit.spend(points);
    return 0;
  } catch (error) {
    return error instanceof OverLimitError ? error.retryAfterMs : 0;
  }
}

/** @returns a function that ends an operation with the error of a limit, and throws any other. */
export function refuseBy(visit: Visit, stop: Stop): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof OverLimitError)) throw error;
    stop({ errors: [graphqlErrorOf(error, visit.isHttp ? HTTP_TOO_MANY_REQUESTS : undefined)] });
  };
}

/** Costs of documents that are used repeatedly. */
const known = new WeakMap<DocumentNode, Map<string | null, number>>();
/** A document has few operations; this bounds what a client could make grow. */
const MAX_KNOWN = 20;

/** Points of an operation: one for each field at its root, two for each command. */
export function pointsOf(document: DocumentNode, operationName: ExecutionArgs['operationName']): number {
  const ofDocument = known.get(document) ?? new Map<string | null, number>();
  const name = operationName ?? null;
  const remembered = ofDocument.get(name);
  if (remembered !== undefined) return remembered;
  const operation = getOperationAST(document, operationName);
  const fields = operation ? rootFields(document, operation.selectionSet, new Set()) : 1;
  const points = Math.max(1, fields) * (operation?.operation === 'mutation' ? COMMAND_POINTS : 1);
  if (ofDocument.size < MAX_KNOWN) known.set(document, ofDocument.set(name, points));
  return points;
}

/** A fragment that is spread twice is executed once, as are fields with the same name. */
function rootFields(document: DocumentNode, { selections }: SelectionSetNode, seen: Set<string>): number {
  let fields = 0;
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      fields++;
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      fields += rootFields(document, selection.selectionSet, seen);
    } else if (!seen.has(selection.name.value)) {
      seen.add(selection.name.value);
      const fragment = document.definitions.find(
        (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === selection.name.value,
      );
      if (fragment?.kind === Kind.FRAGMENT_DEFINITION) fields += rootFields(document, fragment.selectionSet, seen);
    }
  }
  return fields;
}
