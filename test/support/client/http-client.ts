import { HttpClient as ClientOfAnyApi, mutationOf as mutationWith } from '../../../src/testing/clients/http-client.ts';

export {
  type Answer,
  type AnswerError,
  type CommandAnswer,
  type CommandOptions,
  outcomeFields,
  type QueryOptions,
} from '../../../src/testing/clients/http-client.ts';

/** A client of the shop. */
export class HttpClient extends ClientOfAnyApi {
  constructor(url: () => string) {
    super(url, { inputTypeOf });
  }
}

/** The document of a mutation of the shop that asks for everything that may be answered. */
export function mutationOf(name: string, query?: string): string {
  return mutationWith(name, inputTypeOf(name), query);
}

/** The contract's name of a mutation's input. */
export function inputTypeOf(mutation: string): string {
  if (['confirmOrder', 'confirmDelivery'].includes(mutation)) return 'OrderInput';
  if (['deposit', 'withdraw'].includes(mutation)) return 'AccountAmountInput';
  if (['archiveNote', 'restoreNote'].includes(mutation)) return 'NoteInput';
  if (mutation === 'untagNote') return 'TagNoteInput';
  return `${mutation[0]?.toUpperCase()}${mutation.slice(1)}Input`;
}
