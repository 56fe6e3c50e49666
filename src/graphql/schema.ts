import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { type Domain, registerDomains } from '../kernel/define/domain.ts';
import type { Registry } from '../kernel/define/registration/registry.ts';
import { Api, type DomainGraphql } from './api.ts';
import { createBuilder } from './builder.ts';
import { InputTypes } from './commands/input-types.ts';
import { addMutations } from './commands/mutations.ts';
import { refuseLateReads } from './consistency/query-root.ts';
import { withReadAfter } from './consistency/read-after.ts';
import { addSubscriptions } from './live/subscriptions.ts';
import { addLiveField } from './live-queries/live-field.ts';
import { addMe } from './me.ts';
import { addDeadLetters } from './operators/dead-letters.ts';
import { addErasures } from './operators/erasures.ts';
import { addProcessStatus } from './operators/process-status.ts';
import { addProjectionStatus } from './operators/projection-status.ts';

/**
 * The API of these domains, in the given order: if a type leads to a type of another domain, the other domain comes
 * first.
 */
export function buildSchema(
  domains: readonly Domain<DomainGraphql>[],
  registry: Pick<Registry, 'commands' | 'projections'>,
): GraphQLSchema {
  const builder = createBuilder();
  const inputs = new InputTypes(builder);
  const ErrorInterface = addMutations(builder, inputs, registry.commands.values());
  const Stall = addProjectionStatus(builder);
  addProcessStatus(builder, Stall);
  addSubscriptions(builder);
  addLiveField(builder);
  addMe(builder);
  const api = new Api(builder, registry.projections, inputs);
  for (const { graphql } of domains) graphql(api);
  api.addNodeQueries();
  addDeadLetters(api, ErrorInterface);
  addErasures(api, ErrorInterface);
  const schema = withReadAfter(builder.toSchema());
  refuseLateReads(schema);
  return schema;
}

/** The API of an application. */
export function schemaOf({ domains }: { readonly domains: readonly Domain<DomainGraphql>[] }): GraphQLSchema {
  return buildSchema(domains, registerDomains(domains));
}

/** The schema as it is committed in `schema/schema.graphql`, sorted so that a difference is a change. */
export function printedSchema(schema: GraphQLSchema): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}
