import type { PoolRole } from '../client.ts';

/** The rights of the parts on an object. Its owner may do everything. */
export type Rights = Readonly<Partial<Record<PoolRole, readonly string[]>>>;

const ALL_ROWS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
const READ_MODEL: Rights = { projector: ALL_ROWS, reader: ['SELECT'] };

/**
 * The rights of each part in the database: these and no others. The command side cannot read a read model and the query
 * side cannot read an event, because the database forbids it. The writer may only read the tables of the log: it
 * appends by calling functions, which keep positions and versions dense for every caller.
 *
 * Every table and function of the engine must be listed here: `test/database/roles` fails with the name of a missing
 * one.
 */
export const RIGHTS = {
  schemas: {
    es: { writer: ['USAGE'], projector: ['USAGE'] },
    read: { projector: ['USAGE'], reader: ['USAGE'] },
    drizzle: {},
    public: {},
  },
  tables: {
    'es.events': { writer: ['SELECT'], projector: ['SELECT'] },
    'es.receipts': { writer: ['SELECT'] },
    'es.streams': { writer: ['SELECT'] },
    'es.batches': {},
    'es.snapshots': { writer: ['SELECT'] },
    'es.store': { writer: ['SELECT'], projector: ['SELECT'] },
    'es.chain': { projector: ['SELECT'] },
    'es.former_hashes': { projector: ['SELECT'] },
    'es.rewrites': { projector: ['SELECT'] },
    'es.heads': { projector: ['SELECT', 'INSERT'] },
    'es.signer': { projector: ['SELECT', 'INSERT', 'UPDATE'] },
    'es.tenants': {},
    'es.subject_keys': { writer: ['SELECT'] },
    'es.keyring': { writer: ['SELECT'] },
    // Only the owner may read who has read what.
    'es.reads': { writer: ['INSERT'] },
    'es.reads_id_seq': {},
    'es.acceptances': { writer: ['SELECT'], projector: ['SELECT'] },
    'read.checkpoints': READ_MODEL,
    'read.instances': READ_MODEL,
    'read.read_models': READ_MODEL,
    'read.parked_items': READ_MODEL,
    'read.dead_letters': READ_MODEL,
    'drizzle.__drizzle_migrations': {},
    'drizzle.__drizzle_migrations_id_seq': {},
    'drizzle.app_migrations': {},
    'drizzle.app_migrations_id_seq': {},
  },
  functions: {
    'es.append': { writer: ['EXECUTE'] },
    'es.append_all': { writer: ['EXECUTE'] },
    'es.append_batch': { writer: ['EXECUTE'] },
    'es.append_one': { writer: ['EXECUTE'] },
    'es.load': { writer: ['EXECUTE'] },
    'es.load_at': { writer: ['EXECUTE'] },
    'es.save_snapshots': { writer: ['EXECUTE'] },
    'es.event_content': { projector: ['EXECUTE'] },
    'es.event_leaf': { projector: ['EXECUTE'] },
    'es.chained': { projector: ['EXECUTE'] },
    'es.hash_at': { projector: ['EXECUTE'] },
    'es.chain_former': { projector: ['EXECUTE'] },
    'es.chain_event': {},
    'es.chain_hash': {},
    'es.next_hash': {},
    'es.insert_batch': {},
    'es.keep_subject_keys': {},
    'es.claim_keyring': { writer: ['EXECUTE'] },
    'es.note_generation': { writer: ['EXECUTE'] },
    'es.keep_wrapped_keys': { writer: ['EXECUTE'] },
    'es.refuse_change': {},
    'es.refuse_rewrite': {},
    'es.record_rewrite': {},
    'es.now': { projector: ['EXECUTE'] },
    'es.recording_time': {},
    'read.move_checkpoint': { projector: ['EXECUTE'] },
    'read.name_checkpoint': {},
    'read.search_text': { projector: ['EXECUTE'], reader: ['EXECUTE'] },
  },
} as const satisfies Record<string, Readonly<Record<string, Rights>>>;

/**
 * Functions that write with the rights of the log's owner. Their search path is fixed, so that a caller cannot
 * substitute objects of its own.
 */
export const DEFINER_FUNCTIONS: readonly string[] = [
  'es.append',
  'es.append_all',
  'es.append_batch',
  'es.append_one',
  'es.chain_former',
  'es.save_snapshots',
  'es.keep_subject_keys',
  'es.claim_keyring',
  'es.note_generation',
  'es.keep_wrapped_keys',
];
export const DEFINER_SEARCH_PATH = 'pg_catalog, pg_temp';

/** Default rights of everybody that nobody should have: `public` stands for every role. */
export const REVOKED_FROM_PUBLIC = {
  schema: ['CREATE'],
  database: ['TEMPORARY'],
  function: ['EXECUTE'],
} as const;

/** Tables in `read` that the engine does not name belong to read models, from the domains' definitions. */
export function rightsOnTable(schema: string, name: string): Rights | undefined {
  const known: Readonly<Record<string, Rights>> = RIGHTS.tables;
  return known[`${schema}.${name}`] ?? (schema === 'read' ? READ_MODEL : undefined);
}

export function rightsOnFunction(schema: string, name: string): Rights | undefined {
  const known: Readonly<Record<string, Rights>> = RIGHTS.functions;
  return known[`${schema}.${name}`];
}

export function rightsOnSchema(name: string): Rights | undefined {
  const known: Readonly<Record<string, Rights>> = RIGHTS.schemas;
  return known[name];
}
