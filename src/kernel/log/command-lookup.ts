import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { readAgain } from '../../database/transient.ts';
import type { CommandIdentity } from '../write/command-identity.ts';
import type { KnownCommand } from './append/append.ts';

interface CommandRow {
  stream_type: string;
  stream_id: string;
  version: number;
  position: number;
  same: boolean;
}

/**
 * Finds commands that were accepted before, by their ids: in the log, or among the receipts of commands without events.
 */
export class CommandLookup {
  readonly #find: ReturnType<typeof prepared<CommandRow>>;

  constructor(db: Database) {
    this.#find = prepared(
      db,
      'es_command',
      sql`select stream_type, stream_id, version, position,
                 fingerprint = ${sql.placeholder('fingerprint')}
                   or (fingerprint = ${sql.placeholder('formerFingerprint')}::text::uuid and is_actors) as same
          from (select command_id, fingerprint, stream_type, stream_id, version, position,
                       metadata -> 'actor' ->> 'id' = ${sql.placeholder('actorId')}::text as is_actors
                from (select command_id, command_fingerprint as fingerprint, stream_type, stream_id, version, position, metadata
                      from es.events where command_fingerprint is not null
                      union all
                      select command_id, fingerprint, stream_type, stream_id, version, position, metadata
                      from es.receipts) stored
                where command_id = any(array[${sql.placeholder('commandId')}, ${sql.placeholder('formerCommandId')}]::text[]::uuid[])
               ) known
          where command_id = ${sql.placeholder('commandId')}::text::uuid or is_actors
          order by command_id = ${sql.placeholder('commandId')}::text::uuid desc limit 1`,
    );
  }

  /**
   * Finds out what happened to a command. `reused` means that the id was used for something else, or by another actor.
   * @param actorId the command's actor, as in the events' metadata.
   * @returns undefined if the id was never used.
   */
  async find(identity: CommandIdentity, actorId: string): Promise<KnownCommand | undefined> {
    const { commandId, fingerprint, formerCommandId = null, formerFingerprint = null } = identity;
    const [row] = await readAgain(() =>
      this.#find({ commandId, fingerprint, formerCommandId, formerFingerprint, actorId }),
    );
    if (!row) return undefined;
    if (!row.same) return { outcome: 'reused' };
    const { stream_type: streamType, stream_id: streamId, version, position } = row;
    return { outcome: 'replayed', streamType, streamId, version, position };
  }
}
