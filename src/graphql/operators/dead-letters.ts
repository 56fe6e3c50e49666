import type { InterfaceRef } from '@pothos/core';
import type { After, ParkedKey } from '../../kernel/read/dead-letters/dead-letters.ts';
import {
  DeadLetterChangedError,
  DeadLetterNotFoundError,
  OtherVersionError,
  UnknownProjectionError,
} from '../../kernel/read/dead-letters/errors.ts';
import type { RetryOutcome } from '../../kernel/read/dead-letters/retry/retry.ts';
import type { Api } from '../api.ts';
import { POLLED } from '../consistency/polled.ts';
import { BadUserInputError } from '../errors.ts';
import { type Page, sizeOf } from '../read/pages/page-shape.ts';
import { storableText } from '../read/text.ts';
import { addConnection, forwardArguments } from '../shapes/connection.ts';
import { operatorOf } from './operator.ts';

interface Retried extends RetryOutcome {
  readonly projection: string;
  readonly key: string;
}
/** Why nothing was done. It is a plain value: GraphQL throws returned errors. */
interface DeadLetterRefusal {
  readonly type: 'DeadLetterNotFound' | 'DeadLetterChanged' | 'DeadLettersOfOtherVersion';
  readonly code: string;
  readonly message: string;
  /** Position of the event that is first now, if it is another one. */
  readonly position?: number;
}

/** Adds the tools of operators for events that could not be applied: the query `deadLetters` and two mutations. */
export function addDeadLetters(api: Api, ErrorInterface: ErrorRef): void {
  addQuery(api);
  addMutations(api, ErrorInterface);
}

/** The interface `Error`. */
export type ErrorRef = InterfaceRef<
  Api['builder'] extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never,
  { code: string; message: string }
>;

function addQuery(api: Api): void {
  const { builder } = api;
  const DeadLetter = builder.objectRef<ParkedKey>('DeadLetter').implement({
    description: `An event that a read model could not apply. It waits with all later events of its stream, and its rows are
\`stale\`, until it is retried successfully or discarded.`,
    fields: (t) => ({
      projection: t.exposeString('projection', { description: 'The read model.' }),
      key: t.exposeID('key', {
        description: 'The key under which it waits: the type and id of the stream that failed.',
      }),
      position: t.expose('position', { type: 'SafeInt', description: "The event's position in the log." }),
      streamType: t.exposeString('streamType', { description: "The type of the event's stream." }),
      streamId: t.exposeID('streamId', { description: "The id of the event's stream." }),
      eventType: t.exposeString('eventType', { description: "The event's type." }),
      error: t.exposeString('error', {
        nullable: true,
        description: 'Why it could not be applied; null if it has become the first since and was not tried yet.',
      }),
      since: t.field({
        type: 'DateTime',
        description: 'When it was parked.',
        resolve: ({ parkedAt }) => parkedAt,
      }),
      waiting: t.exposeInt('behind', { description: 'Events that wait behind it.' }),
    }),
  });
  const Connection = addConnection(builder, 'DeadLetter', {
    ...{ type: DeadLetter, pageInfo: api.pageInfo, plural: 'dead letters', extensions: {} },
  });
  builder.queryField('deadLetters', (t) =>
    t.field({
      type: Connection,
      extensions: POLLED,
      description:
        'For operators who may act: the events that read models could not apply, by read model and position.',
      args: {
        projection: t.arg.string({ description: 'Only of this read model; by default of all.' }),
        ...forwardArguments(t),
      },
      resolve: async (_, { projection, first, after }, context) => {
        operatorOf(context, 'operate', 'look at dead letters');
        const { limit } = sizeOf({ first });
        const { deadLetters } = context.engine;
        const found = await deadLetters
          .keys(projection ?? undefined, limit + 1, after == null ? undefined : decode(after))
          .catch(refuseUnknown);
        return { ...pageOf(found, limit, after != null), totalCount: () => deadLetters.count(projection ?? undefined) };
      },
    }),
  );
}

function addMutations({ builder }: Api, ErrorInterface: ErrorRef): void {
  const RetriedType = builder.objectRef<Retried>('DeadLettersRetried').implement({
    description: 'The result of applying the waiting events.',
    fields: (t) => ({
      projection: t.exposeString('projection', { description: 'The read model.' }),
      key: t.exposeID('key', { description: 'The key under which they waited.' }),
      applied: t.exposeInt('applied', { description: 'Events that were applied.' }),
      remaining: t.exposeInt('remaining', {
        description: 'Events that still wait; 0 if nothing is stale any more.',
      }),
      stuckAt: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'The position of the event that could not be applied this time; null if none waits.',
        resolve: ({ error }) => error?.position ?? null,
      }),
      error: t.string({
        nullable: true,
        description: 'Why it could not.',
        resolve: ({ error }) => error?.message ?? null,
      }),
    }),
  });
  const NotFound = builder.objectRef<DeadLetterRefusal>('DeadLetterNotFound').implement({
    description: 'Nothing waits under this key, or no longer.',
    interfaces: [ErrorInterface],
  });
  const Changed = builder.objectRef<DeadLetterRefusal>('DeadLetterChanged').implement({
    description: 'The first event of this key is not the one that you wanted to discard. Look at it again.',
    interfaces: [ErrorInterface],
    fields: (t) => ({
      position: t.field({
        type: 'SafeInt',
        description: 'The position of the event that is first now.',
        resolve: ({ position = 0 }) => position,
      }),
    }),
  });
  const OtherVersion = builder.objectRef<DeadLetterRefusal>('DeadLettersOfOtherVersion').implement({
    description: 'The read model was filled by another version of the application than this one.',
    interfaces: [ErrorInterface],
  });
  const Result = builder.unionType('DeadLettersResult', {
    description: 'The possible answers to retrying or discarding.',
    types: [RetriedType, NotFound, Changed, OtherVersion],
    resolveType: (value: Retried | DeadLetterRefusal) => ('type' in value ? value.type : 'DeadLettersRetried'),
  });
  builder.mutationField('retryDeadLetters', (t) =>
    t.field({
      type: Result,
      description: `For operators who may act; not a command. Applies the events that wait under a key, in order and as far as possible,
once the cause of the first failure is corrected.`,
      args: {
        projection: t.arg.string({ required: true, description: 'The read model.' }),
        key: t.arg.id({ required: true, description: 'The `key` of the dead letter.' }),
      },
      resolve: (_, { projection, key }, context) => {
        operatorOf(context, 'operate', 'retry dead letters');
        const under = storableText(key, 'A key');
        return outcomeOf(projection, under, context.engine.deadLetters.retry(projection, under));
      },
    }),
  );
  builder.mutationField('discardDeadLetter', (t) =>
    t.field({
      type: Result,
      description: `For operators who may act; not a command. Permanently skips the first event that waits under a key, also in rebuilds by the
same version of the read model, and applies the events behind it. The event stays in the log.`,
      args: {
        projection: t.arg.string({ required: true, description: 'The read model.' }),
        key: t.arg.id({ required: true, description: 'The `key` of the dead letter.' }),
        position: t.arg({
          type: 'SafeInt',
          required: true,
          description: 'The `position` of the dead letter. If another event is first now, nothing is done.',
        }),
        reason: t.arg.string({ description: 'The reason, for the record.' }),
      },
      resolve: (_, { projection, key, position, reason }, context) => {
        const { id: by } = operatorOf(context, 'operate', 'discard dead letters');
        const under = storableText(key, 'A key');
        const discarded = context.engine.deadLetters.discard(projection, under, position, {
          by,
          reason: reason ?? null,
        });
        return outcomeOf(projection, under, discarded);
      },
    }),
  );
}

async function outcomeOf(
  projection: string,
  key: string,
  outcome: Promise<RetryOutcome>,
): Promise<Retried | DeadLetterRefusal> {
  try {
    return { projection, key, ...(await outcome) };
  } catch (error) {
    return refusalOf(error) ?? refuseUnknown(error);
  }
}

function refusalOf(error: unknown): DeadLetterRefusal | undefined {
  if (error instanceof DeadLetterNotFoundError) return { type: 'DeadLetterNotFound', ...said(error) };
  if (error instanceof OtherVersionError) return { type: 'DeadLettersOfOtherVersion', ...said(error) };
  if (!(error instanceof DeadLetterChangedError)) return undefined;
  return { type: 'DeadLetterChanged', ...said(error), position: error.position };
}

function said({ code, message }: { readonly code: string; readonly message: string }) {
  return { code, message };
}

function refuseUnknown(error: unknown): never {
  throw error instanceof UnknownProjectionError ? new BadUserInputError(error.message) : error;
}

function pageOf(found: readonly ParkedKey[], limit: number, hasPreviousPage: boolean): Page<ParkedKey> {
  const edges = found.slice(0, limit).map((node) => ({ node, cursor: encode(node) }));
  return {
    edges,
    pageInfo: {
      hasNextPage: found.length > limit,
      hasPreviousPage,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

function encode({ projection, position, key }: After): string {
  return Buffer.from(JSON.stringify([projection, position, key])).toString('base64url');
}

function decode(cursor: string): After {
  try {
    const [projection, position, key] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (typeof projection === 'string' && Number.isSafeInteger(position) && typeof key === 'string') {
      return { projection: storableText(projection, 'A cursor'), position, key: storableText(key, 'A cursor') };
    }
  } catch {
    // Said below.
  }
  throw new BadUserInputError('This cursor is not one of this list; begin again without it.');
}
