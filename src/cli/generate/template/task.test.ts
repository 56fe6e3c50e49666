import assert from 'node:assert/strict';
import { test } from 'node:test';
import { given, givenEvents, recorded } from 'afterwrite/testing';
import { tasks } from './read-models.ts';
import { archiveTask, renameTask, Task, TaskAdded, TaskArchived, TaskRenamed } from './task.ts';

const taskId = '01890000-0000-7000-8000-000000000001';
const added = TaskAdded({ name: 'First' });

test('a task gets another name', async () => {
  await given(Task, [added])
    .when(renameTask, { taskId, name: 'Second' })
    .thenEvents(TaskRenamed({ name: 'Second' }));
});

test('an archived task keeps its name', async () => {
  await given(Task, [added, TaskArchived({})])
    .when(renameTask, { taskId, name: 'Second' })
    .thenRejected('TASK_ARCHIVED');
});

test('nobody who is not signed in archives a task', async () => {
  await given(Task, [added]).by(null).when(archiveTask, { taskId }).thenForbidden();
});

test('the read model shows the last name', () => {
  const log = recorded(Task, taskId, [added, TaskRenamed({ name: 'Second' })]);
  assert.deepEqual(givenEvents(log).project(tasks), [{ id: taskId, name: 'Second', archived: false, version: 2 }]);
});
