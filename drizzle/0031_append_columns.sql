-- Appends one event if nothing stands in the way of it, as es.append_all does with many. A caller that appends alone waits for
-- each step of this, so everything that can be looked up together is, and nothing is packed into JSON.
--
-- stream_type, stream_id, before: the stream, and the version that it must have; 0 if it must have no events, NULL for any.
-- sharing_types: other stream types that may have its id; NULL if any may.
-- command_id, former_command_id, fingerprint, metadata: see es.append.
-- event_id, type, schema_version, data: the event.
-- clock_ms, clock_limit_ms: see es.recording_time.
--
-- Returns the position of the event before it, the version of the stream before it, and when it was recorded, in ms since 1970.
-- If something stands in the way, nothing is appended: then it returns NULL, or fails with unique_violation.
CREATE FUNCTION es.append_one(
  stream_type text, stream_id uuid, before int, sharing_types text[],
  command_id uuid, former_command_id uuid, fingerprint uuid, metadata jsonb,
  event_id uuid, type text, schema_version smallint, data jsonb,
  clock_ms float8, clock_limit_ms float8)
RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- A plan that was made while the tables were small would read them whole for as long as it is cached.
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
DECLARE
  head bigint;
  last_time timestamptz;
  now_recorded timestamptz;
  is_refused boolean;
  -- The stream's row and its version; 0 if it has no events.
  place tid;
  version int;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'es.append_one needs READ COMMITTED';
  END IF;
  -- As an expression, this is evaluated without a statement. It is never NULL.
  IF pg_advisory_xact_lock(4651732) IS NULL THEN RETURN NULL; END IF;
  -- A statement of its own, after the lock: it sees what the appends before left. A new command is not looked up in the log: the
  -- unique index refuses it if it is not new. The row of a stream is found from its newest version on: see es.append.
  SELECT k.position, k.recorded_at, s.ctid, coalesce(s.version, 0),
         EXISTS (SELECT FROM es.receipts r WHERE r.command_id = command_id)
         OR (s.version IS NULL AND sharing_types IS NOT NULL AND EXISTS (
           SELECT FROM es.streams o WHERE o.stream_id = stream_id AND o.stream_type <> stream_type
             AND o.stream_type <> ALL (sharing_types)))
  INTO head, last_time, place, version, is_refused
  FROM (SELECT) one LEFT JOIN LATERAL (
    SELECT e.position, e.recorded_at FROM es.events e ORDER BY e.position DESC LIMIT 1
  ) k ON true LEFT JOIN LATERAL (
    SELECT n.ctid, n.version FROM es.streams n
    WHERE n.stream_type = stream_type AND n.stream_id >= stream_id AND n.stream_id <= stream_id
    ORDER BY n.stream_id DESC LIMIT 1
  ) s ON true;
  IF is_refused OR before <> version THEN RETURN NULL; END IF;
  IF former_command_id IS NOT NULL AND (
    EXISTS (SELECT FROM es.events e WHERE e.command_fingerprint IS NOT NULL AND e.command_id = former_command_id)
    OR EXISTS (SELECT FROM es.receipts r WHERE r.command_id = former_command_id))
  THEN RETURN NULL; END IF;

  head := coalesce(head, 0);
  now_recorded := es.recording_time(
    CASE WHEN clock_limit_ms > 0 THEN jsonb_build_array(clock_ms, clock_limit_ms) END, head, last_time);
  INSERT INTO es.events (position, stream_type, stream_id, version, type, schema_version, data, metadata,
                         command_id, command_fingerprint, event_id, occurred_at, recorded_at)
  VALUES (head + 1, stream_type, stream_id, version + 1, type, schema_version, data, metadata,
          command_id, fingerprint, event_id, now_recorded, now_recorded);
  IF version = 0 THEN
    INSERT INTO es.streams (stream_type, stream_id, version, occurred_at)
    VALUES (stream_type, stream_id, 1, now_recorded);
  ELSE
    UPDATE es.streams s SET version = version + 1, occurred_at = now_recorded WHERE s.ctid = place;
  END IF;
  RETURN ARRAY[head, version, round(date_part('epoch', now_recorded) * 1000)::bigint];
END $$;
--> statement-breakpoint
-- Everybody may execute a new function. The start revokes that; until then, nobody should have a right that it takes away.
REVOKE EXECUTE ON FUNCTION
  es.append, es.append_all, es.append_one, es.load, es.load_at, es.save_snapshots, es.refuse_change, es.now, es.recording_time,
  read.move_checkpoint, read.name_checkpoint, read.search_text
FROM PUBLIC;
