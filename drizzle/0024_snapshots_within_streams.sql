-- The same as before, but a snapshot counts only if the event is there that it was taken after. A standby without the last events may be
-- promoted while a server runs on, which takes snapshots of what it remembers: other events may come in the place of those that are lost.
CREATE OR REPLACE FUNCTION es.load(asked jsonb)
RETURNS TABLE (n int, version int, type text, schema_version smallint, body jsonb)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH base AS MATERIALIZED (
    SELECT a.n, a.t, a.i, a.v, s.version AS snapshot_version, s.state
    FROM jsonb_to_recordset(asked) AS a(n int, t text, i uuid, v int, w int)
    LEFT JOIN es.snapshots s
      ON s.stream_type = a.t AND s.stream_id = a.i AND s.state_version = a.w AND s.version > a.v
         AND EXISTS (SELECT FROM es.events e
                     WHERE e.stream_type = s.stream_type AND e.stream_id = s.stream_id AND e.version = s.version)
  )
  SELECT b.n, b.snapshot_version, NULL::text, NULL::smallint, b.state FROM base b WHERE b.snapshot_version IS NOT NULL
  UNION ALL
  SELECT k.* FROM (
    SELECT b.n, e.version, e.type, e.schema_version, e.data
    FROM base b JOIN es.events e
      ON e.stream_type = b.t AND e.stream_id = b.i AND e.version > coalesce(b.snapshot_version, b.v)
    ORDER BY b.n, e.version
  ) k;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION es.load_at(of_type text, of_id uuid, at_version int, of_state_version int)
RETURNS TABLE (version int, type text, schema_version smallint, body jsonb)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  base es.snapshots;
BEGIN
  SELECT s.* INTO base FROM es.snapshots s
  WHERE s.stream_type = of_type AND s.stream_id = of_id AND s.state_version = of_state_version AND s.version <= at_version
    AND EXISTS (SELECT FROM es.events e
                WHERE e.stream_type = s.stream_type AND e.stream_id = s.stream_id AND e.version = s.version);
  IF FOUND THEN
    RETURN QUERY SELECT base.version, NULL::text, NULL::smallint, base.state;
  END IF;
  RETURN QUERY
  SELECT e.version, e.type, e.schema_version, e.data FROM es.events e
  WHERE e.stream_type = of_type AND e.stream_id = of_id AND e.version > coalesce(base.version, 0) AND e.version <= at_version
  ORDER BY e.version;
END $$;
--> statement-breakpoint
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
  ON CONFLICT (stream_type, stream_id) DO UPDATE
    SET version = excluded.version, state_version = excluded.state_version, state = excluded.state, taken_at = now()
    WHERE s.version <= excluded.version OR s.state_version <> excluded.state_version
      OR NOT EXISTS (SELECT FROM es.events e
                     WHERE e.stream_type = s.stream_type AND e.stream_id = s.stream_id AND e.version = s.version);
$$;
