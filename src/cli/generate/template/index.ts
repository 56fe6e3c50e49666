import { defineDomain } from 'afterwrite';
import { tasksGraphql } from './graphql.ts';
import { tasks } from './read-models.ts';
import { addTask, archiveTask, renameTask, Task } from './task.ts';

export const tasksDomain = defineDomain({
  name: 'tasks',
  aggregates: [Task],
  commands: [addTask, renameTask, archiveTask],
  projections: [tasks],
  graphql: tasksGraphql,
});
