import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import app from '../../src/app.ts';
import { openPool } from '../../src/database/client.ts';
import { startEmbeddedPostgres } from '../../src/database/embedded/server.ts';
import { migrateDatabase } from '../../src/database/migrations/migrate.ts';
import { noteTenant } from '../../src/database/tenancy/ensure-tenancy.ts';
import { registryOfTenant } from '../../src/kernel/define/registration/registry-of-tenant.ts';
import { ensureTables } from '../../src/kernel/read/tables/ensure-tables.ts';
import { urlOfDatabase } from '../../src/testing/postgres/databases.ts';
import { QUICK_SETTINGS } from '../../src/testing/postgres/server.ts';
import { testTenant } from './kernel/as-tenant.ts';
import { openTestPool } from './postgres/pool.ts';
import { bundle } from './server/bundle.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A Postgres in which tests may create databases. */
    readonly serverUrl: string;
    /** Name of a database with all migrations applied and the tables of the shop's read models, for copying. */
    readonly templateDatabase: string;
    /** Path of a program that does what `src/main.ts` does, see {@link bundle}. */
    readonly serverProgram: string;
  }
}

/**
 * Starts one Postgres for all test files, or takes TEST_DATABASE_URL's, and makes the database that they copy and the server that
 * they start.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const bundling = bundle('src/main.ts', join(process.env.TEST_RUN_FOLDER ?? '', 'server'));
  bundling.catch(() => undefined);
  const server = await provideServer();
  const template = `afterwrite_template_${randomUUID().slice(0, 8)}`;
  const admin = postgres(server.url, { max: 1, onnotice: () => {} });
  const tearDown = async () => {
    await admin`drop database if exists ${admin(template)} with (force)`.catch(() => undefined);
    await admin.end({ timeout: 1 });
    await server.release();
  };
  try {
    await admin`create database ${admin(template)}`;
    const url = urlOfDatabase(server.url, template);
    await migrateDatabase(url, { tenancy: testTenant ? 'column' : undefined });
    await makeTables(url, testTenant);
    if (testTenant !== undefined) await beginTenant(url, testTenant);
    project.provide('serverProgram', await bundling);
  } catch (error) {
    await tearDown();
    throw error;
  }
  project.provide('serverUrl', server.url);
  project.provide('templateDatabase', template);
  return tearDown;
}

/** Makes the tables of the shop's read models once, rather than in every copy. */
async function makeTables(url: string, tenant: string | undefined): Promise<void> {
  const pool = openPool({ url, connections: 1, applicationName: 'afterwrite tests' });
  try {
    const { projections } = registryOfTenant(app.domains, tenant);
    await ensureTables({ db: pool.db, projections: [...projections.values()], grant: async () => {} });
  } finally {
    await pool.close(1000);
  }
}

/** Tests that write events before they open an engine find the log of their tenant begun. */
async function beginTenant(url: string, tenant: string): Promise<void> {
  const pool = openTestPool({ url, connections: 1, applicationName: 'afterwrite tests' });
  await noteTenant(pool.db, tenant).finally(() => pool.close(1000));
}

async function provideServer(): Promise<{ url: string; release: () => Promise<void> }> {
  const url = process.env.TEST_DATABASE_URL;
  if (url) return { url, release: async () => {} };
  const dataDir = await mkdtemp(join(tmpdir(), 'afterwrite-test-'));
  const server = await startEmbeddedPostgres({ dataDir, settings: QUICK_SETTINGS });
  return {
    url: server.url,
    release: async () => {
      await server.release();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
