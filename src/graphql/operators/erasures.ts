import type { Erasure } from '../../kernel/subjects/erasures.ts';
import { SubjectMalformedError } from '../../kernel/subjects/subject.ts';
import { KeyringUnsetError, ReasonRefusedError } from '../../kernel/subjects/subjects.ts';
import type { Api } from '../api.ts';
import type { ErrorRef } from './dead-letters.ts';
import { operatorOf } from './operator.ts';

interface ErasureRefusal {
  readonly code: string;
  readonly message: string;
}

/** Adds the mutation with which operators erase the personal data of a subject. */
export function addErasures({ builder }: Api, ErrorInterface: ErrorRef): void {
  const Erased = builder.objectRef<Erasure>('SubjectErasure').implement({
    description: `The key of a subject's personal data was destroyed, and the log has an event that says so. Read models follow within
seconds: they then show \`[erased]\`.`,
    fields: (t) => ({
      subject: t.exposeString('subject', { description: 'Type and id of the subject.' }),
      position: t.expose('position', { type: 'SafeInt', description: "The event's position in the log." }),
    }),
  });
  const Refused = builder.objectRef<ErasureRefusal>('SubjectErasureRefused').implement({
    description: 'Nothing was erased. `code` says why: KEYRING_UNSET, REASON_REFUSED or SUBJECT_MALFORMED.',
    interfaces: [ErrorInterface],
  });
  const Result = builder.unionType('SubjectErasureResult', {
    description: 'The possible answers to erasing a subject.',
    types: [Erased, Refused],
    resolveType: (value: Erasure | ErasureRefusal) => ('code' in value ? 'SubjectErasureRefused' : 'SubjectErasure'),
  });
  builder.mutationField('eraseSubject', (t) =>
    t.field({
      type: Result,
      description: `For operators who may act; not a command. Destroys the key with which the personal data of a subject is encrypted, for good:
nobody can read it again, also from a backup. Sent again, it is recorded again.`,
      args: {
        subject: t.arg.string({ required: true, description: 'Type and id of the subject, separated by a slash.' }),
        reason: t.arg.string({
          required: true,
          description: 'Why, in at most 500 characters. It stays in the log for ever: nothing personal.',
        }),
      },
      resolve: async (_, { subject, reason }, context) => {
        const actor = operatorOf(context, 'operate', 'erase subjects');
        const { engine, correlationId } = context;
        return engine.subjects.erase({ subject, reason, actor, correlationId }).catch(refusalOf);
      },
    }),
  );
}

/** A plain value: GraphQL throws returned errors. */
function refusalOf(error: unknown): ErasureRefusal {
  const isKnown = [KeyringUnsetError, ReasonRefusedError, SubjectMalformedError].some((kind) => error instanceof kind);
  if (!isKnown) throw error;
  const { code, message } = error as KeyringUnsetError;
  return { code, message };
}
