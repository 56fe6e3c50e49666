import { graphql } from '../gql/gql.ts';
import type { FulfilmentProgressFragment } from '../gql/graphql.ts';
import { Time } from '../parts/time.tsx';

graphql(`
  fragment FulfilmentProgress on Fulfilment {
    state
    failure
    steps {
      name
      at
    }
  }
`);

interface Properties {
  readonly fulfilment: FulfilmentProgressFragment;
  /** True if the page says elsewhere why the order has failed. */
  readonly isExplained: boolean;
}

/** What the server has done for an order by itself, as it happens. */
export function Progress({ fulfilment: { steps, failure }, isExplained }: Properties) {
  return (
    <aside className="card side" aria-labelledby="progress">
      <h2 id="progress">What has happened</h2>
      <ol className="steps" aria-live="polite">
        {steps.map(({ name, at }) => (
          <li key={`${name} ${at}`}>
            {sentence(name)}
            <br />
            <span className="quiet">
              <Time at={at} />
            </span>
          </li>
        ))}
      </ol>
      {failure && !isExplained && <p className="is-warning">{failure}</p>}
    </aside>
  );
}

/** STOCK_RESERVED as “Stock reserved”. */
function sentence(name: string): string {
  const words = name.replaceAll('_', ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
