import type { Api, DomainGraphql } from '../../../src/graphql/api.ts';
import type { Domain } from '../../../src/kernel/define/domain.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { type MetersTable, meterDomain } from './meters.ts';

const domain = meterDomain(1);

/** The one read model of {@link metersWithApi}. */
export const metersReadModel = domain.projections[0] as unknown as Projection<MetersTable>;

/** The meters with queries over their read model, of the shape that the product's domains have. */
export const metersWithApi: Domain<DomainGraphql> = { ...domain, graphql: metersGraphql };

/** Queries for {@link metersWithApi}: a meter, and meters in the order of their ids. */
export const meterById = 'query ($id: ID!) { meter(id: $id) { id label readings version } }';
export const metersAfter =
  'query ($after: String) { meters(first: 20, after: $after) { edges { node { id label readings version } } } }';

function metersGraphql(api: Api): void {
  const Meter = api.readModel('Meter', metersReadModel, {
    description: 'A meter.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      label: t.exposeString('label', { description: 'Where it is.' }),
      readings: t.exposeInt('readings', { description: 'How often it was read.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });
  const MeterConnection = api.connection('Meter', Meter);
  api.queryByKey('meter', Meter, 'A meter; null where there is none.');
  api.builder.queryField('meters', (t) =>
    t.field({
      type: MeterConnection,
      description: 'Meters in the order of their ids.',
      args: api.pageArguments(t),
      resolve: (_, args, { rows }) =>
        rows.page(metersReadModel, { args, sortBy: metersReadModel.table.id, direction: 'asc' }),
    }),
  );
}
