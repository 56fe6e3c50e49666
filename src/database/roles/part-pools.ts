import { type Allowance, type Connections, fitConnections } from '../checks/connection-budget.ts';
import { openPool, type Pool, type PoolOptions } from '../client.ts';
import type { Login } from '../session.ts';
import type { Access } from './ensure-roles.ts';
import { whyRefused } from './logins.ts';
import type { Part } from './names.ts';

export interface PartPoolsOptions {
  readonly url: string;
  /** Most connections of each pool that the settings want; the owner has one. */
  readonly connections: Connections;
  /** Options of a part's connections, whichever of its pools they belong to. */
  readonly optionsOf: (part: Part) => Partial<PoolOptions>;
}

/**
 * Opens the pools of the parts. A part's login is tried with the pool that the part will have, so that this takes no connection of
 * its own: one costs as much as a hundred statements.
 */
export class PartPools {
  readonly #options: PartPoolsOptions;
  readonly #tried = new Map<Part, { readonly login: Login; readonly pool: Pool }>();

  constructor(options: PartPoolsOptions) {
    this.#options = options;
  }

  /** Why Postgres refuses the login of a part; `undefined` if it does not. Then its pool is kept for {@link open}. */
  async tryLogin(part: Part, login: Login, allowance: Allowance): Promise<string | undefined> {
    const pool = this.openBeside(part, { login, role: undefined }, this.#sizeOf(part, allowance));
    let why: string | undefined = 'unknown';
    try {
      // The owner works in transactions, which have connections of their own.
      why = await whyRefused(pool, { inTransaction: part === 'owner' });
      return why;
    } finally {
      if (why === undefined) this.#tried.set(part, { login, pool });
      else await pool.close(1000);
    }
  }

  /** The pool of a part: the one with which its login was tried, if it is this one. */
  open(part: Part, access: Access, allowance: Allowance): Pool {
    const tried = this.#tried.get(part);
    if (tried?.login !== access.login || tried === undefined) {
      return this.openBeside(part, access, this.#sizeOf(part, allowance));
    }
    this.#tried.delete(part);
    return tried.pool;
  }

  /** Another pool of a part, for other work. */
  openBeside(
    part: Part,
    { login, role }: Access,
    options: Partial<PoolOptions> & { readonly connections: number },
  ): Pool {
    const usual = this.#options.optionsOf(part);
    return openPool({
      ...{ url: this.#options.url, login, applicationName: `afterwrite ${part}` },
      ...usual,
      ...options,
      settings: { ...usual.settings, ...options.settings, ...(role === undefined ? {} : { role }) },
    });
  }

  /** Closes the pools that were tried, and that nobody has opened. */
  async closeRest(): Promise<void> {
    const rest = [...this.#tried.values()];
    this.#tried.clear();
    await Promise.all(rest.map(({ pool }) => pool.close(1000)));
  }

  #sizeOf(part: Part, allowance: Allowance): { readonly connections: number } {
    if (part === 'owner') return { connections: 1 };
    return { connections: fitConnections(this.#options.connections, allowance).connections[part] };
  }
}
