import { APPEND_LOCK } from '../../../src/database/activity/locks.ts';
import { testTenant } from './as-tenant.ts';

/** The statement that takes the lock of the log, as an append does. With TEST_TENANT it is the lock of this tenant's log. */
export const LOCK_LOG = testTenant
  ? `select pg_advisory_xact_lock(${APPEND_LOCK}, hashtext('${testTenant}'))`
  : `select pg_advisory_xact_lock(${APPEND_LOCK})`;

/** The statement that finds those who wait for the lock of a log. */
export const WAITING_FOR_LOG = `
  select pid from pg_locks where locktype = 'advisory' and ${APPEND_LOCK} in (classid::bigint, objid::bigint) and not granted`;
