import type { AfterwriteOptions } from '../../client/src/index.ts';
import { accessToken, staffToken } from '../support/client/tokens.ts';
import { Line, nameOf, register, type useClients } from './support.ts';

/** Members of the staff who take turns in one page, and the page's way to the server. */
export async function takingTurns(
  createClient: ReturnType<typeof useClients>,
  options: Partial<AfterwriteOptions> = {},
) {
  const line = new Line();
  const clerk = createClient({ auth: staffToken });
  const id = await register(clerk);
  await nameOf(clerk, id);
  const page = { user: 'ada', isBroken: false, asked: 0 };
  const auth = () => {
    page.asked++;
    if (page.isBroken) throw new TypeError('the session service is away');
    return accessToken(page.user, ['staff']);
  };
  const open = (more: Partial<AfterwriteOptions> = {}) =>
    createClient({ auth, fetch: line.fetch, ...options, ...more });
  /** The name after everything that has been written. */
  const name = async () => {
    await register(clerk);
    return nameOf(clerk, id);
  };
  return { line, id, page, open, client: open(), name };
}
