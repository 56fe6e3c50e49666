import type { GraphQLResolveInfo } from 'graphql';
import type { CommandOutcome, InputIssue, Receipt } from '../../kernel/define/command-outcome.ts';
import type { Builder } from '../builder.ts';
import type { QueryRoot } from '../consistency/query-root.ts';
import { touchedIn } from '../consistency/touched.ts';
import { DEFAULT_WAIT_MS, waitFor } from '../consistency/wait.ts';
import type { Context } from '../context.ts';

type OutcomeOf<Kind extends CommandOutcome['kind']> = Extract<CommandOutcome, { kind: Kind }>;

/** The types of a command's answer: the union `CommandResult`, and the interface `Error`. */
export function addResultTypes(builder: Builder) {
  const ErrorInterface = builder
    .interfaceRef<{ code: string; message: string }>('Error')
    .implement({ description: 'Why a command was not accepted.' });
  builder.interfaceFields(ErrorInterface, (t) => ({
    code: t.exposeString('code', { description: 'The reason as a code, for programs.' }),
    message: t.exposeString('message', { description: 'The reason as a sentence, for people.' }),
  }));

  const ReceiptType = builder.objectRef<OutcomeOf<'accepted'>>('CommandReceipt').implement({
    description: 'The answer to an accepted command, with its place in the log. It never contains domain data.',
    fields: (t) => {
      const receipt = <Field extends keyof Receipt>(field: Field) => ({
        resolve: (outcome: OutcomeOf<'accepted'>) => outcome.receipt[field],
      });
      return {
        commandId: t.id({ ...receipt('commandId'), description: 'The idempotency key under which it was accepted.' }),
        aggregateId: t.id({
          ...receipt('aggregateId'),
          description: 'The aggregate that the command was about, or that it created.',
        }),
        version: t.int({ ...receipt('version'), description: "The stream's version after the command." }),
        token: t.field({
          type: 'ConsistencyToken',
          description: 'Pass it to later reads, and they show the effect of the command.',
          resolve: ({ receipt: { position } }, _, { engine }) => engine.tokens.encode(position),
        }),
        replayed: t.boolean({
          ...receipt('replayed'),
          description:
            'True if this commandId had been accepted before: nothing new happened, and this is the first receipt again.',
        }),
        query: t.field({
          type: 'Query',
          description: `The query root, read at or after this command: write and read your write in one request.
If a read model does not reach the command in time, nullable fields are null with CONSISTENCY_TIMEOUT, the others
return the available data, and \`extensions.consistency.stale\` is true; the receipt still arrives. If a field that must
not be null fails, the answer has no data, and the receipt is in \`extensions.accepted\`.`,
          resolve: ({ receipt: { position } }, _, context, info) => readAt(position, context, info),
        }),
      };
    },
  });

  const IssueType = builder.objectRef<InputIssue>('ValidationIssue').implement({
    description: 'One thing that is wrong with an input.',
    fields: (t) => ({
      path: t.stringList({
        description: 'The path: names of fields and indexes of lists, starting at the input.',
        resolve: ({ path }) => [...path],
      }),
      message: t.exposeString('message', { description: 'What is wrong.' }),
    }),
  });
  const Invalid = builder.objectRef<OutcomeOf<'invalid'> & ErrorFields>('ValidationError').implement({
    description: 'The input is invalid; nothing happened.',
    interfaces: [ErrorInterface],
    fields: (t) => ({
      issues: t.field({
        type: [IssueType],
        description: 'Everything that is wrong, at once.',
        resolve: ({ issues }) => [...issues],
      }),
    }),
  });
  const Rejected = builder.objectRef<OutcomeOf<'rejected'>>('CommandRejected').implement({
    description: 'A business rule refuses the command. `code` names the rule, e.g. LOAN_ALREADY_CLOSED.',
    interfaces: [ErrorInterface],
  });
  const Conflict = builder.objectRef<OutcomeOf<'conflict'> & ErrorFields>('ConcurrencyConflict').implement({
    description: 'The stream is not at the expected version: somebody else was faster. Read again and decide.',
    interfaces: [ErrorInterface],
    fields: (t) => ({
      expectedVersion: t.exposeInt('expectedVersion', { description: 'The version that the command expected.' }),
      actualVersion: t.exposeInt('actualVersion', { description: 'The version that the stream has.' }),
    }),
  });
  const NotFound = builder.objectRef<OutcomeOf<'notFound'> & ErrorFields>('AggregateNotFound').implement({
    description: 'There is nothing with this id.',
    interfaces: [ErrorInterface],
    fields: (t) => ({ aggregateId: t.exposeID('aggregateId', { description: 'The id that was looked for.' }) }),
  });
  const Reused = builder.objectRef<OutcomeOf<'reused'> & ErrorFields>('CommandIdReused').implement({
    description: 'This commandId was used before, for another command or another input.',
    interfaces: [ErrorInterface],
    fields: (t) => ({ commandId: t.exposeID('commandId', { description: 'The id that was used before.' }) }),
  });

  const types = {
    accepted: 'CommandReceipt',
    invalid: 'ValidationError',
    rejected: 'CommandRejected',
    conflict: 'ConcurrencyConflict',
    notFound: 'AggregateNotFound',
    reused: 'CommandIdReused',
  } as const;
  const CommandResult = builder.unionType('CommandResult', {
    description: 'The possible answers to a command.',
    types: [ReceiptType, Invalid, Rejected, Conflict, NotFound, Reused],
    resolveType: ({ kind }) => types[kind],
  });
  return { CommandResult, ErrorInterface };
}

/** The code of each outcome that has one of its own. A rejection carries the code of the rule. */
export const COMMAND_ERROR_CODES = {
  invalid: 'VALIDATION_FAILED',
  conflict: 'CONCURRENCY_CONFLICT',
  notFound: 'AGGREGATE_NOT_FOUND',
  reused: 'COMMAND_ID_REUSED',
} as const;

interface ErrorFields {
  readonly code: string;
  readonly message: string;
}

/** A command's outcome with the code and the sentence that its type has in the API. */
export function toResult(outcome: CommandOutcome) {
  switch (outcome.kind) {
    case 'accepted':
    case 'rejected':
      return outcome;
    case 'invalid': {
      const [first] = outcome.issues;
      const more = outcome.issues.length > 1 ? ` And ${outcome.issues.length - 1} more.` : '';
      return {
        ...outcome,
        code: COMMAND_ERROR_CODES.invalid,
        message: `${first?.message ?? 'The input is not valid.'}${more}`,
      };
    }
    case 'conflict': {
      const { expectedVersion, actualVersion, attempts } = outcome;
      const message = attempts
        ? `Others were faster ${attempts} times: it was last decided on version ${expectedVersion}, ` +
          `and now it is at ${actualVersion}. Send it again.`
        : `Expected version ${expectedVersion}, but it is at ${actualVersion}. Read again and decide.`;
      return { ...outcome, code: COMMAND_ERROR_CODES.conflict, message };
    }
    case 'notFound': {
      const { aggregate, aggregateId } = outcome;
      return { ...outcome, code: COMMAND_ERROR_CODES.notFound, message: `There is no ${aggregate} ${aggregateId}.` };
    }
    case 'reused': {
      const message = `The commandId ${outcome.commandId} was used for another command or input; use a new one.`;
      return { ...outcome, code: COMMAND_ERROR_CODES.reused, message };
    }
  }
}

/** The query root, once every read model that the selection touches includes what the command has written. */
async function readAt(position: number, context: Context, info: GraphQLResolveInfo): Promise<QueryRoot> {
  const { engine, consistency, rows, operation, caller } = context;
  const { signal } = operation;
  const query = info.schema.getQueryType();
  const selections = info.fieldNodes.flatMap(({ selectionSet }) => selectionSet ?? []);
  const touched = query ? touchedIn(info.schema, selections, query, info.fragments) : [];
  // An earlier mutation of the same request may have loaded rows in their former state.
  rows.clear();
  // The command is in the log. If its reads fail, the receipt must still be sent.
  const timeout = await waitFor(engine, touched, position, { timeoutMs: DEFAULT_WAIT_MS, signal, caller }).catch(
    (error: Error) => error,
  );
  consistency.reads(touched);
  if (timeout) consistency.markStale();
  return { timeout };
}
