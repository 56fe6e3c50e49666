-- What is written to the log goes through functions that run with the rights of its owner. Who may call them needs no right to
-- write to a table, so that nobody can append past them.
--
-- src/database/roles/rights.ts says who may call what; the start grants it. A later migration that replaces one of these functions has to say
-- SECURITY DEFINER and the search path again, or appends fail between the migration and the start that mends it.
ALTER FUNCTION es.append(jsonb, text[]) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
--> statement-breakpoint
-- The same as before, and the versions of the events have to be those that follow the streams' in this batch.
-- Appends a whole batch if nothing stands in the way of any of it, which is nearly always so. Else it does nothing, and
-- either returns no row or fails with unique_violation: then es.append judges them one by one. Its caller has counted what
-- es.append works out with windows.
--
-- appends: [{ t: stream type, i: stream id, v: the version that the stream must have, c: command id, p: former command id,
--             w: its version after the batch if this is its first append, x: types that may have the same id }]
-- events: as they are to stand in the log, [{ t, i, v: version, c: command id, f: fingerprint on a command's last, m: metadata,
--           e: event id, y: type, s: schema version, d: data }]
-- shared_types: as for es.append.
-- All of them occur when they are recorded. `v` is what the stream must have before this batch, on all appends of it.
CREATE OR REPLACE FUNCTION es.append_all(appends jsonb, events jsonb, has_known_streams boolean, shared_types text[] DEFAULT '{}')
RETURNS TABLE (head bigint, recorded_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
DECLARE
  has_receipts boolean;
  is_wrong boolean;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'es.append_all needs READ COMMITTED';
  END IF;
  PERFORM pg_advisory_xact_lock(4651732);
  PERFORM FROM es.receipts LIMIT 1;
  has_receipts := FOUND;
  -- A new command is not looked up in the log: the unique index refuses it if it is not new, with an error that undoes all
  -- of this. Scalar look-ups for the rest, not EXISTS or joins: for those a plan made while the tables were small would read
  -- them whole into a hash.
  PERFORM FROM jsonb_to_recordset(appends) AS a(t text, i uuid, v int, c uuid, p uuid, w int, x text[])
  WHERE CASE
      WHEN a.v > 0 THEN
        a.v IS DISTINCT FROM (SELECT s.version FROM es.streams s WHERE s.stream_type = a.t AND s.stream_id = a.i)
      WHEN a.w IS NOT NULL AND a.t <> ALL (shared_types) THEN
        (SELECT o.version FROM es.streams o
         WHERE o.stream_id = a.i AND o.stream_type <> a.t AND o.stream_type <> ALL (shared_types)
           AND o.stream_type <> ALL (coalesce(a.x, '{}')) LIMIT 1) IS NOT NULL
      ELSE false
    END
    OR (has_receipts AND (SELECT r.version FROM es.receipts r WHERE r.command_id = a.c) IS NOT NULL)
    OR (a.p IS NOT NULL AND (
      (SELECT k.version FROM es.events k WHERE k.command_fingerprint IS NOT NULL AND k.command_id = a.p) IS NOT NULL
      OR (SELECT r.version FROM es.receipts r WHERE r.command_id = a.p) IS NOT NULL));
  IF FOUND THEN RETURN; END IF;

  SELECT k.position, k.recorded_at INTO head, recorded_at FROM es.events k ORDER BY k.position DESC LIMIT 1;
  head := coalesce(head, 0);
  recorded_at := greatest(date_trunc('milliseconds', clock_timestamp()), recorded_at);
  WITH stored AS (
    INSERT INTO es.events (position, stream_type, stream_id, version, type, schema_version, data, metadata,
                           command_id, command_fingerprint, event_id, occurred_at, recorded_at)
    SELECT head + e.nth, e.t, e.i, e.v, e.y, e.s, e.d, e.m, e.c, e.f, e.e, recorded_at, recorded_at
    FROM ROWS FROM (jsonb_to_recordset(events)
           AS (t text, i uuid, v int, c uuid, f uuid, m jsonb, e uuid, y text, s smallint, d jsonb))
         WITH ORDINALITY AS e(t, i, v, c, f, m, e, y, s, d, nth)
    RETURNING stream_type, stream_id, version
  ), asked AS (
    SELECT a.t, a.i, a.v, a.w FROM jsonb_to_recordset(appends) AS a(t text, i uuid, v int, w int) WHERE a.w IS NOT NULL
  ), sides AS (
    -- Versions are unique in a stream, so that they have no holes if the first, the last and the number are right.
    SELECT k.t, k.i, k.v + 1 AS first, k.w AS last, (k.w - k.v)::bigint AS number FROM asked k
    UNION ALL
    SELECT s.stream_type, s.stream_id, min(s.version), max(s.version), count(*) FROM stored s GROUP BY s.stream_type, s.stream_id
  )
  SELECT EXISTS (SELECT FROM sides GROUP BY t, i, first, last, number HAVING count(*) <> 2)
      OR EXISTS (SELECT FROM asked k WHERE k.v IS NULL OR k.v < 0 OR (k.v > 0 AND has_known_streams IS NOT TRUE))
  INTO is_wrong;
  IF is_wrong THEN
    RAISE EXCEPTION 'es.append_all: the events do not follow the versions of their streams' USING ERRCODE = 'data_exception';
  END IF;
  -- Streams are written under the lock only, so that one that was not there is not there still.
  INSERT INTO es.streams (stream_type, stream_id, version, occurred_at)
  SELECT a.t, a.i, a.w, recorded_at FROM jsonb_to_recordset(appends) AS a(t text, i uuid, v int, w int)
  WHERE a.w IS NOT NULL AND a.v = 0;
  IF has_known_streams THEN
    UPDATE es.streams s SET version = a.w, occurred_at = recorded_at
    FROM jsonb_to_recordset(appends) AS a(t text, i uuid, v int, w int)
    WHERE a.w IS NOT NULL AND a.v > 0 AND s.stream_type = a.t AND s.stream_id = a.i;
  END IF;
  RETURN NEXT;
END $$;
--> statement-breakpoint
-- Keeps the newest snapshot of each stream.
--
-- snapshots: [{ t: stream type, i: stream id, v: version, w: state version, s: state }]
CREATE FUNCTION es.save_snapshots(snapshots jsonb)
RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
  INSERT INTO es.snapshots AS s (stream_type, stream_id, version, state_version, state)
  SELECT r.t, r.i, r.v, r.w, r.s FROM jsonb_to_recordset(snapshots) AS r(t text, i uuid, v int, w int, s jsonb)
  ON CONFLICT (stream_type, stream_id) DO UPDATE
    SET version = excluded.version, state_version = excluded.state_version, state = excluded.state, taken_at = now()
    WHERE s.version < excluded.version OR s.state_version <> excluded.state_version;
$$;
