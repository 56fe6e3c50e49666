import { useQuery } from '@apollo/client/react';
import { useEffect, useState } from 'react';
import { graphql } from '../gql/gql.ts';
import { Failure } from '../parts/failure.tsx';
import { Time } from '../parts/time.tsx';
import { OrderDetails } from './order-details.tsx';
import { Status } from './status.tsx';

const ORDER_VERSIONS = graphql(`
  query OrderVersions($id: ID!) {
    order(id: $id) {
      id
      versions(last: 20) {
        nodes {
          version
          status
          validFrom
        }
      }
    }
  }
`);

const ORDER_AS_OF = graphql(`
  query OrderAsOf($id: ID!, $version: Int!) {
    orderAsOf(id: $id, version: $version) {
      version
      status
      updatedAt
      carrier
      trackingNumber
      cancellationReason
      items {
        quantity
        lineTotal {
          amount
          currency
        }
        product {
          id
          name
        }
      }
      total {
        amount
        currency
      }
    }
  }
`);

/** All that an order has been. A former state has a type of its own, so that the cache never takes it for the order. */
export function TimeTravel({ id, version }: { readonly id: string; readonly version: number }) {
  const [chosen, setChosen] = useState<number>();
  const { data, error, refetch } = useQuery(ORDER_VERSIONS, { variables: { id } });
  const versions = data?.order?.versions.nodes ?? [];
  const newest = versions.at(-1)?.version;
  useEffect(() => {
    if (newest !== undefined && newest < version) refetch().catch(() => undefined);
  }, [newest, version, refetch]);
  return (
    <section className="card" aria-labelledby="versions">
      <h2 id="versions">Time travel</h2>
      <Failure>{error?.message}</Failure>
      <fieldset className="versions">
        <legend className="visually-hidden">Show the order as it was in version</legend>
        {versions.map((one) => (
          <label key={one.version}>
            <input
              type="radio"
              name="version"
              checked={chosen === one.version}
              onChange={() => setChosen(one.version)}
            />
            Version {one.version} <Status of={one.status} />
            <span className="quiet">
              <Time at={one.validFrom} />
            </span>
          </label>
        ))}
      </fieldset>
      {chosen !== undefined && <FormerOrder id={id} version={chosen} />}
    </section>
  );
}

function FormerOrder({ id, version }: { readonly id: string; readonly version: number }) {
  const { data, error } = useQuery(ORDER_AS_OF, { variables: { id, version } });
  const former = data?.orderAsOf;
  return (
    <section className="former" aria-label={`The order in version ${version}`}>
      <Failure>{error?.message}</Failure>
      {former && <OrderDetails order={former} />}
    </section>
  );
}
