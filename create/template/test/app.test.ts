import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestApp, type TestApp } from 'afterwrite/testing';
import config from '../afterwrite.config.ts';

// The whole application on a database of its own.

let app: TestApp;
before(async () => {
  app = await createTestApp(config);
});
after(() => app?.close());

test('what somebody adds, everybody who may reads at once', async () => {
  const { aggregateId: id } = await app.as('ada', 'user').accepted('addTask', { name: 'Water the plants' });
  const { data } = await app.as('bob', 'user').query('query ($id: ID!) { task(id: $id) { name archived } }', { id });
  assert.deepEqual(data, { task: { name: 'Water the plants', archived: false } });
});

test('a subscriber sees each change', async () => {
  const ada = app.as('ada', 'user');
  const { aggregateId: id, token: after } = await ada.accepted('addTask', { name: 'First' });
  const task = 'subscription ($id: ID!, $after: ConsistencyToken) { taskUpdated(id: $id, after: $after) { name } }';
  const updates = await ada.subscribe(task, { id, after });
  assert.deepEqual(await updates.data(), { taskUpdated: { name: 'First' } });
  await ada.accepted('renameTask', { taskId: id, name: 'Second' });
  assert.deepEqual(await updates.data(), { taskUpdated: { name: 'Second' } });
});

test('nobody adds anything without an access token', async () => {
  assert.equal((await app.anonymous.tryCommand('addTask', { name: 'Mine' })).code, 'UNAUTHENTICATED');
});

test('wrong inputs are refused', async () => {
  for (const { what, input } of app.badInputs('addTask', {
    id: '01890000-0000-7000-8000-000000000001',
    name: 'A task',
  })) {
    const answer = await app.as('ada', 'user').tryCommand('addTask', input);
    const code = answer.code ?? answer.data?.addTask?.code;
    assert.ok(code === 'BAD_USER_INPUT' || code === 'VALIDATION_FAILED', `${what}: ${answer.text}`);
  }
});
