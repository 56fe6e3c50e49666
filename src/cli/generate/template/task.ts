import { defineAggregate, defineCommand, defineEvent, nonPersonal, reject } from 'afterwrite';
import { z } from 'zod';

// What can happen. Events are stored forever, and never changed.

export const TaskAdded = defineEvent('TaskAdded', { data: z.object({ name: nonPersonal(z.string()) }) });
export const TaskRenamed = defineEvent('TaskRenamed', { data: z.object({ name: nonPersonal(z.string()) }) });
export const TaskArchived = defineEvent('TaskArchived', { data: z.object({}) });

// What has to be consistent: the state that the rules need, folded from the events.

export interface TaskState {
  readonly status: 'NONE' | 'OPEN' | 'ARCHIVED';
  readonly name: string;
}

export const Task = defineAggregate('Task', {
  description: 'A task.',
  visibleTo: { user: 'all' },
  initialState: (): TaskState => ({ status: 'NONE', name: '' }),
  events: { TaskAdded, TaskRenamed, TaskArchived },
  evolve: {
    TaskAdded: (_, { data }) => ({ status: 'OPEN', name: data.name }),
    TaskRenamed: (task, { data }) => ({ ...task, name: data.name }),
    TaskArchived: (task) => ({ ...task, status: 'ARCHIVED' }),
  },
});

// What callers may ask for: each command is a mutation.

const taskId = z.guid('An id must be a UUID.').toLowerCase().describe('The task.');
const name = z.string().trim().min(1, 'A name is needed.').max(200, 'A name has at most 200 characters.');

export const addTask = defineCommand('addTask', {
  description: 'Adds a task.',
  aggregate: Task,
  creates: true,
  input: z.object({
    id: taskId.nullish().describe('A UUID of your choice; if it is omitted, the server makes one.'),
    name: name.describe('Its name.'),
  }),
  id: (input) => input.id,
  allow: ['user'],
  decide: (task, input) =>
    task.status === 'NONE' ? TaskAdded({ name: input.name }) : reject('TASK_EXISTS', 'There is a task with this id.'),
});

export const renameTask = defineCommand('renameTask', {
  description: 'Changes the name of a task.',
  aggregate: Task,
  input: z.object({ taskId, name: name.describe('Its new name.') }),
  id: (input) => input.taskId,
  allow: ['user'],
  decide: (task, input) => {
    if (task.status === 'ARCHIVED') return reject('TASK_ARCHIVED', 'The task is archived.');
    return task.name === input.name ? [] : TaskRenamed({ name: input.name });
  },
});

export const archiveTask = defineCommand('archiveTask', {
  description: 'Archives a task.',
  aggregate: Task,
  input: z.object({ taskId }),
  id: (input) => input.taskId,
  allow: ['user'],
  decide: (task) => (task.status === 'ARCHIVED' ? [] : TaskArchived({})),
});
