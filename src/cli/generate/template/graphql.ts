import type { Api } from 'afterwrite/graphql';
import { tasks, tasksTable } from './read-models.ts';

// The types, queries and subscriptions over the read models.

export function tasksGraphql(api: Api): void {
  const Task = api.readModel('Task', tasks, {
    node: true,
    description: 'A task.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      name: t.exposeString('name', { description: 'Its name.' }),
      archived: t.exposeBoolean('archived', { description: 'Whether it is archived.' }),
      version: t.exposeInt('version', { description: 'The version of its stream that this row reflects.' }),
    }),
  });
  const TaskConnection = api.connection('Task', Task);
  api.queryByKey('task', Task, 'A task; null if there is none that you may see.');
  api.subscriptionToRow('taskUpdated', Task, 'The task now, and again each time that it changes.');
  api.builder.queryField('tasks', (t) =>
    t.field({
      type: TaskConnection,
      description: 'All tasks, by name.',
      args: api.pageArguments(t),
      resolve: (_, args, { rows }) => rows.page(tasks, { args, sortBy: tasksTable.name, direction: 'asc' }),
    }),
  );
}
