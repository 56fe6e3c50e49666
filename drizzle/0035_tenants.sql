CREATE TABLE "es"."tenants" (
	"name" text PRIMARY KEY NOT NULL,
	"started_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);--> statement-breakpoint
-- The same as before, but it names the constraint: that of a store of tenants begins with the tenant.
--
-- Keeps the newest snapshot of each stream that the stream has come to.
--
-- snapshots: [{ t: stream type, i: stream id, v: version, w: state version, s: { hash, state: as text } }]
CREATE OR REPLACE FUNCTION es.save_snapshots(snapshots jsonb)
RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
  INSERT INTO es.snapshots AS s (stream_type, stream_id, version, state_version, state)
  SELECT r.t, r.i, r.v, r.w, r.s FROM jsonb_to_recordset(snapshots) AS r(t text, i uuid, v int, w int, s jsonb)
  WHERE EXISTS (SELECT FROM es.events e WHERE e.stream_type = r.t AND e.stream_id = r.i AND e.version = r.v)
  ON CONFLICT ON CONSTRAINT snapshots_stream_type_stream_id_pk DO UPDATE
    SET version = excluded.version, state_version = excluded.state_version, state = excluded.state, taken_at = now()
    WHERE s.version <= excluded.version OR s.state_version <> excluded.state_version
      OR NOT EXISTS (SELECT FROM es.events e
                     WHERE e.stream_type = s.stream_type AND e.stream_id = s.stream_id AND e.version = s.version);
$$;
--> statement-breakpoint
-- The same as before, but it also looks for what was accepted where each tenant of a store has acceptances of its own.
--
-- When an append is recorded that holds the lock of the log: now, but never before the event before it.
--
-- witness: [what the caller's clock said when it sent the append, in ms since 1970; by how many ms the two clocks may differ].
-- NULL does not compare them. The time since the statement arrived, which is spent waiting for the lock, does not count.
-- last_position, last_time: the event before it.
--
-- Fails with AW001 if the two clocks differ by more, since nobody knows which one is right; and with AW002 if the event before
-- is further in the future: all that come after would be recorded at that time too, until it has come. An operator who accepts
-- that (es.store.accepted_position) lets time go back once.
CREATE OR REPLACE FUNCTION es.recording_time(witness jsonb, last_position bigint, last_time timestamptz) RETURNS timestamptz
LANGUAGE plpgsql
AS $$
DECLARE
  now timestamptz := date_trunc('milliseconds', es.now());
  most_ms float8 := (witness ->> 1)::float8;
  waited interval := clock_timestamp() - statement_timestamp();
  ahead_ms float8;
BEGIN
  IF most_ms IS NOT NULL THEN
    ahead_ms := extract(epoch FROM now - waited)::float8 * 1000 - (witness ->> 0)::float8;
    IF abs(ahead_ms) > most_ms OR waited NOT BETWEEN interval '-1 minute' AND interval '1 hour' THEN
      RAISE EXCEPTION 'the clock of Postgres is % ms ahead of that of the server', round(ahead_ms) USING ERRCODE = 'AW001';
    END IF;
  END IF;
  IF last_time IS NULL OR last_time <= now THEN RETURN now; END IF;
  IF last_position <= greatest((SELECT s.accepted_position FROM es.store s), (SELECT max(a.up_to) FROM es.acceptances a))
  THEN RETURN now; END IF;
  IF extract(epoch FROM last_time - now)::float8 * 1000 > most_ms THEN
    RAISE EXCEPTION 'event % is recorded at %, which is in the future', last_position, last_time USING ERRCODE = 'AW002';
  END IF;
  RETURN last_time;
END $$;
