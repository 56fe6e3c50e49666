import { serverAudits } from 'graphql-http';
import { describe, expect, it } from 'vitest';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ fulfils: false });

describe('GraphQL over HTTP, as its specification has it,', () => {
  const audits = serverAudits({ url: () => `${app.url}/graphql` });

  it('is audited in all points', () => {
    expect(audits).toHaveLength(61);
  });

  it.each(audits)('$name', async ({ fn }) => {
    expect(await fn()).toMatchObject({ status: 'ok' });
  });
});
