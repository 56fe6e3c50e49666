-- A batch of events is hashed as a whole.
CREATE TABLE "es"."batches" (
	"head" bigint,
	"recorded_at" timestamp (3) with time zone,
	"stream_types" text[],
	"stream_ids" uuid[],
	"befores" integer[],
	"afters" integer[],
	"streams" integer[],
	"versions" integer[],
	"command_ids" uuid[],
	"fingerprints" uuid[],
	"event_ids" uuid[],
	"types" text[],
	"schema_versions" smallint[],
	"metadata" jsonb,
	"data" jsonb
);
--> statement-breakpoint
-- The next hash of a chain, in a function that costs little for each of many events; see es.chained.
CREATE FUNCTION es.next_hash(hash bytea, leaf bytea, before bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN sha256('\x02'::bytea || coalesce(hash, before) || leaf);
END $$;
--> statement-breakpoint
-- The hash after each of many leaves, as a window function. `before` is the hash before the first.
CREATE AGGREGATE es.chain_hash(leaf bytea, before bytea) (SFUNC = es.next_hash, STYPE = bytea);
--> statement-breakpoint
-- Appends to es.events what is inserted into es.batches, with hashes: for each event at once what es.chain_event does one by one,
-- for half of its price. It reads the hash before the batch itself, so whoever inserts here adds to the chain what belongs there.
CREATE FUNCTION es.insert_batch() RETURNS trigger LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  head constant bigint := NEW.head;
  recorded_at constant timestamptz := NEW.recorded_at;
  stream_types text[] := NEW.stream_types;
  stream_ids uuid[] := NEW.stream_ids;
  befores int[] := NEW.befores;
  afters int[] := NEW.afters;
  before bytea;
  -- In the content of an event; empty unless tenants share the store.
  of_tenant constant text := '';
  content_end text;
  stored bigint;
BEGIN
  -- See es.chain_event for the order.
  SELECT e.hash INTO before FROM es.events e
  WHERE e.position >= head AND e.position <= head ORDER BY e.position DESC LIMIT 1;
  -- NULL if there is no hash to go on from. All hashes are NULL then, and es.chain_event finds out why.
  before := coalesce(before, es.hash_at(head));
  content_end := rtrim(to_json(recorded_at AT TIME ZONE interval '0')::text, '"');
  content_end := '","occurredAt":' || content_end || 'Z","recordedAt":' || content_end || 'Z"}';
  INSERT INTO es.events (position, stream_type, stream_id, version, type, schema_version, data, metadata,
                         command_id, command_fingerprint, event_id, occurred_at, recorded_at, hash)
  SELECT e.position, e.stream_type, e.stream_id, e.version, e.type, e.schema_version, e.data, e.metadata,
         e.command_id, e.fingerprint, e.event_id, recorded_at, recorded_at,
         -- Rows come in the order of the arrays. The content is that of es.event_content.
         es.chain_hash(sha256('\x00'::bytea || convert_to(
           '{"position":' || e.position::text || ',' || of_tenant || '"streamType":' || to_json(e.stream_type)::text
             || ',"streamId":"' || e.stream_id::text || '","version":' || e.version::text || ',"type":' || to_json(e.type)::text
             || ',"schemaVersion":' || e.schema_version::text || ',"data":' || e.data::text || ',"metadata":' || e.metadata::text
             || ',"commandId":"' || e.command_id::text || '","commandFingerprint":'
             || coalesce('"' || e.fingerprint::text || '"', 'null') || ',"eventId":"' || e.event_id::text || content_end,
           'UTF8')), before) OVER (ROWS UNBOUNDED PRECEDING)
  FROM (
    SELECT head + r.nth AS position, stream_types[r.stream] AS stream_type, stream_ids[r.stream] AS stream_id, r.*
    FROM ROWS FROM (
      unnest(NEW.streams, NEW.versions, NEW.command_ids, NEW.fingerprints, NEW.event_ids, NEW.types, NEW.schema_versions),
      jsonb_array_elements(NEW.metadata), jsonb_array_elements(NEW.data)
    ) WITH ORDINALITY AS r(stream, version, command_id, fingerprint, event_id, type, schema_version, metadata, data, nth)
    WHERE r.version > befores[r.stream] AND r.version <= afters[r.stream]
  ) e;
  GET DIAGNOSTICS stored = ROW_COUNT;
  -- Versions are unique in a stream. If all events are within the versions that their streams go through, and there are as
  -- many as these versions, each version has its event.
  IF stored <> (SELECT coalesce(sum(a.w - a.v), 0) FROM unnest(befores, afters) AS a(v, w))
     OR stored <> cardinality(NEW.streams) OR stored <> jsonb_array_length(NEW.data) THEN
    RAISE EXCEPTION 'es.batches: the events do not follow the versions of their streams' USING ERRCODE = 'data_exception';
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER batches_inserted BEFORE INSERT ON es.batches FOR EACH ROW EXECUTE FUNCTION es.insert_batch();
--> statement-breakpoint
ALTER TABLE es.batches ENABLE ALWAYS TRIGGER batches_inserted;
--> statement-breakpoint
-- A hash that a trigger has computed is right. No INSERT of anybody is within a trigger, so each is checked as before, also those of
-- servers that call es.append_all. A hash that is missing is never taken.
CREATE OR REPLACE TRIGGER events_chained BEFORE INSERT ON es.events FOR EACH ROW
  WHEN (NEW.hash IS NULL OR pg_trigger_depth() = 0) EXECUTE FUNCTION es.chain_event();
--> statement-breakpoint
ALTER TABLE es.events ENABLE ALWAYS TRIGGER events_chained;
--> statement-breakpoint
-- Appends a whole batch if nothing stands in the way of any of it, as es.append_all does, which servers of former releases call. It
-- takes arrays, which Postgres takes apart for less than JSON, and computes the hashes of all events together.
--
-- stream_types, stream_ids, befores, afters: of each stream of the batch, what it is, and its versions before and after.
-- sharing_types: for each, other stream types that may have its id, as the text of an array; NULL if any may.
-- streams, versions, …, data: of each event, the number of its stream from 1, and as it is to stand in the log; a command's
--   fingerprint is on its last event.
-- former_command_ids: how earlier versions stored the same commands.
-- clock_ms, clock_limit_ms: see es.recording_time.
--
-- Returns the position of the event before them, and when they were recorded, in ms since 1970. If something stands in the way,
-- nothing is appended: then it returns NULL, or fails with unique_violation, and es.append judges the appends one by one.
CREATE FUNCTION es.append_batch(
  stream_types text[], stream_ids uuid[], befores int[], afters int[], sharing_types text[],
  streams int[], versions int[], command_ids uuid[], fingerprints uuid[], event_ids uuid[], types text[],
  schema_versions smallint[], metadata jsonb, data jsonb, former_command_ids uuid[], clock_ms float8, clock_limit_ms float8)
RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
DECLARE
  head bigint;
  last_time timestamptz;
  now_recorded timestamptz;
  is_refused boolean;
  is_wrong boolean;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'es.append_batch needs READ COMMITTED';
  END IF;
  -- As an expression, this is evaluated without a statement. It is never NULL.
  IF pg_advisory_xact_lock(4651732) IS NULL THEN RETURN NULL; END IF;
  -- A statement of its own, after the lock: it sees what the appends before left. A new command is not looked up in the log: the
  -- unique index refuses it if it is not new. Streams are looked up one by one: see es.append_all.
  SELECT k.position, k.recorded_at, a.is_refused
      OR EXISTS (SELECT FROM es.receipts r WHERE r.command_id = ANY (command_ids))
      OR (cardinality(former_command_ids) > 0 AND (
        EXISTS (SELECT FROM es.events e WHERE e.command_fingerprint IS NOT NULL AND e.command_id = ANY (former_command_ids))
        OR EXISTS (SELECT FROM es.receipts r WHERE r.command_id = ANY (former_command_ids)))),
    a.is_wrong
  INTO head, last_time, is_refused, is_wrong
  FROM (
    SELECT bool_or(CASE
        WHEN s.v > 0 THEN
          s.v IS DISTINCT FROM (
            SELECT n.version FROM es.streams n
            WHERE n.stream_type = s.t AND n.stream_id >= s.i AND n.stream_id <= s.i ORDER BY n.stream_id DESC LIMIT 1)
        WHEN s.x IS NOT NULL THEN
          (SELECT o.version FROM es.streams o
           WHERE o.stream_id = s.i AND o.stream_type <> s.t AND o.stream_type <> ALL (s.x::text[]) LIMIT 1) IS NOT NULL
        ELSE false
      END) AS is_refused,
      bool_or(s.v IS NULL OR s.v < 0 OR s.w IS NULL OR s.w <= s.v) AS is_wrong
    FROM unnest(stream_types, stream_ids, befores, afters, sharing_types) AS s(t, i, v, w, x)
  ) a LEFT JOIN LATERAL (
    SELECT e.position, e.recorded_at FROM es.events e ORDER BY e.position DESC LIMIT 1
  ) k ON true;
  IF is_refused THEN RETURN NULL; END IF;
  IF is_wrong IS NOT FALSE THEN
    RAISE EXCEPTION 'es.append_batch: a stream does not go from a version to a later one' USING ERRCODE = 'data_exception';
  END IF;

  head := coalesce(head, 0);
  now_recorded := es.recording_time(
    CASE WHEN clock_limit_ms > 0 THEN jsonb_build_array(clock_ms, clock_limit_ms) END, head, last_time);
  INSERT INTO es.batches (head, recorded_at, stream_types, stream_ids, befores, afters, streams, versions, command_ids,
                          fingerprints, event_ids, types, schema_versions, metadata, data)
  VALUES (head, now_recorded, stream_types, stream_ids, befores, afters, streams, versions, command_ids,
          fingerprints, event_ids, types, schema_versions, metadata, data);
  -- Streams are written under the lock only, so that one that was not there is not there still.
  INSERT INTO es.streams (stream_type, stream_id, version, occurred_at)
  SELECT s.t, s.i, s.w, now_recorded FROM unnest(stream_types, stream_ids, befores, afters) AS s(t, i, v, w) WHERE s.v = 0;
  IF 0 < ANY (befores) THEN
    UPDATE es.streams s SET version = a.w, occurred_at = now_recorded
    FROM unnest(stream_types, stream_ids, befores, afters) AS a(t, i, v, w) CROSS JOIN LATERAL (
      SELECT n.ctid FROM es.streams n
      WHERE n.stream_type = a.t AND n.stream_id >= a.i AND n.stream_id <= a.i ORDER BY n.stream_id DESC LIMIT 1
    ) newest
    WHERE a.v > 0 AND s.ctid = newest.ctid;
  END IF;
  RETURN ARRAY[head, round(date_part('epoch', now_recorded) * 1000)::bigint];
END $$;
--> statement-breakpoint
-- Everybody may execute a new function. The start revokes that; until then, nobody should have a right that it takes away.
REVOKE EXECUTE ON FUNCTION es.next_hash, es.chain_hash, es.insert_batch, es.append_batch FROM PUBLIC;
