-- The same promise as before for less: a batch is taken apart once, and events say by a number which stream they are of.
--
-- Appends a whole batch if nothing stands in the way of any of it, which is nearly always so. Else it does nothing, and
-- either returns no row or fails with unique_violation: then es.append judges them one by one. Its caller has counted what
-- es.append works out with windows.
--
-- appends: [{ t: stream type, i: stream id, v: the version that the stream must have, c: command id, p: former command id,
--             w: its version after the batch if this is its first append, x: types that may have the same id }]
-- events: as they are to stand in the log, [{ n: which of the appends with a `w` begins its stream, from 1, v: version,
--           c: command id, f: fingerprint on a command's last, m: metadata, e: event id, y: type, s: schema version, d: data }]
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
  is_refused boolean;
  is_wrong boolean;
  -- Of each stream of the batch: what it is, and its versions before and after.
  types text[];
  ids uuid[];
  befores int[];
  afters int[];
  expected bigint;
  stored bigint;
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
  SELECT bool_or(CASE
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
      OR (SELECT r.version FROM es.receipts r WHERE r.command_id = a.p) IS NOT NULL))),
    bool_or(a.v IS NULL OR a.v < 0 OR a.w <= a.v OR (a.v > 0 AND has_known_streams IS NOT TRUE))
      FILTER (WHERE a.w IS NOT NULL),
    array_agg(a.t) FILTER (WHERE a.w IS NOT NULL), array_agg(a.i) FILTER (WHERE a.w IS NOT NULL),
    array_agg(a.v) FILTER (WHERE a.w IS NOT NULL), array_agg(a.w) FILTER (WHERE a.w IS NOT NULL),
    coalesce(sum(a.w - a.v) FILTER (WHERE a.w IS NOT NULL), 0)
  INTO is_refused, is_wrong, types, ids, befores, afters, expected
  FROM jsonb_to_recordset(appends) AS a(t text, i uuid, v int, c uuid, p uuid, w int, x text[]);
  IF is_refused THEN RETURN; END IF;

  SELECT k.position, k.recorded_at INTO head, recorded_at FROM es.events k ORDER BY k.position DESC LIMIT 1;
  head := coalesce(head, 0);
  recorded_at := greatest(date_trunc('milliseconds', clock_timestamp()), recorded_at);
  INSERT INTO es.events (position, stream_type, stream_id, version, type, schema_version, data, metadata,
                         command_id, command_fingerprint, event_id, occurred_at, recorded_at)
  SELECT head + e.nth, types[e.n], ids[e.n], e.v, e.y, e.s, e.d, e.m, e.c, e.f, e.e, recorded_at, recorded_at
  FROM ROWS FROM (jsonb_to_recordset(events)
         AS (n int, v int, c uuid, f uuid, m jsonb, e uuid, y text, s smallint, d jsonb))
       WITH ORDINALITY AS e(n, v, c, f, m, e, y, s, d, nth)
  WHERE e.v > befores[e.n] AND e.v <= afters[e.n];
  GET DIAGNOSTICS stored = ROW_COUNT;
  -- Versions are unique in a stream. If all events are within the versions that their streams go through, and there are as
  -- many as these versions, each version has its event.
  IF is_wrong OR stored <> expected OR stored <> jsonb_array_length(events) THEN
    RAISE EXCEPTION 'es.append_all: the events do not follow the versions of their streams' USING ERRCODE = 'data_exception';
  END IF;
  -- Streams are written under the lock only, so that one that was not there is not there still.
  INSERT INTO es.streams (stream_type, stream_id, version, occurred_at)
  SELECT a.t, a.i, a.w, recorded_at FROM unnest(types, ids, befores, afters) AS a(t, i, v, w) WHERE a.v = 0;
  IF has_known_streams THEN
    UPDATE es.streams s SET version = a.w, occurred_at = recorded_at
    FROM unnest(types, ids, befores, afters) AS a(t, i, v, w)
    WHERE a.v > 0 AND s.stream_type = a.t AND s.stream_id = a.i;
  END IF;
  RETURN NEXT;
END $$;
