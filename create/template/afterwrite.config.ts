import { defineApp } from 'afterwrite';
import { tasksDomain } from './domains/tasks/index.ts';
import { roles } from './roles.ts';

export default defineApp({
  name: 'my-app',
  roles,
  developerRoles: ['user', 'admin'],
  domains: [tasksDomain],
  graphiql: { documents: new URL('./schema/operations/', import.meta.url) },
});
