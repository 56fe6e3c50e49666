-- The same as before, and a snapshot replaces one of the same version: that one may be damaged, or without a hash.
-- Keeps the newest snapshot of each stream.
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
  ON CONFLICT (stream_type, stream_id) DO UPDATE
    SET version = excluded.version, state_version = excluded.state_version, state = excluded.state, taken_at = now()
    WHERE s.version <= excluded.version OR s.state_version <> excluded.state_version;
$$;
