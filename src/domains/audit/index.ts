import { defineDomain } from '../../index.ts';
import { auditGraphql } from './graphql.ts';
import { auditTrail } from './read-models.ts';

export { auditTrail } from './read-models.ts';

export const auditDomain = defineDomain({
  name: 'audit',
  aggregates: [],
  commands: [],
  projections: [auditTrail],
  graphql: auditGraphql,
});
