import { index, text, uuid } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import type { Api } from '../../../../src/graphql/index.ts';
import {
  defineAggregate,
  defineCommand,
  defineDomain,
  defineEvent,
  defineProjection,
  nonPersonal,
  readTable,
} from '../../../../src/index.ts';

const MemoWritten = defineEvent('MemoWritten', { data: z.object({ text: nonPersonal(z.string()) }) });
const Memo = defineAggregate('Memo', {
  visibleTo: 'everyone',
  initialState: () => ({}),
  events: { MemoWritten },
  evolve: { MemoWritten: (memo) => memo },
});
const writeMemo = defineCommand('writeMemo', {
  description: 'Writes a memo, or writes it again.',
  aggregate: Memo,
  creates: true,
  input: z.object({
    id: z.guid().toLowerCase().describe('Its id.'),
    text: z.string().min(1).max(100).describe('What it says.'),
  }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: (_, { text }) => MemoWritten({ text }),
});

/**
 * A domain that is the same in all builds but for an index. No newer code stores anything of it that older code cannot read.
 * @param isIndexed adds the index, without another version.
 */
export function memosDomain(isIndexed: boolean) {
  const table = readTable('memos', { id: uuid('id').primaryKey(), text: text('text').notNull() }, ({ text }) =>
    isIndexed ? [index('memos_text').on(text)] : [],
  );
  const memos = defineProjection('memos', {
    description: 'What memos say.',
    table,
    events: Memo.events,
    visibleTo: 'everyone',
    on: { MemoWritten: ({ streamId: id, data }, { put }) => put(id, () => ({ id, ...data })) },
  });
  const graphql = (api: Api): void => {
    const Type = api.readModel('Memo', memos, {
      description: 'A memo.',
      fields: (t) => ({
        id: t.exposeID('id', { description: 'Its id.' }),
        text: t.exposeString('text', { description: 'What it says.' }),
      }),
    });
    api.queryByKey('memo', Type, 'A memo; null if there is none.');
  };
  return defineDomain({
    name: 'memos',
    aggregates: [Memo],
    commands: [writeMemo],
    projections: [memos],
    graphql,
  });
}
