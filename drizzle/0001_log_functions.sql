-- The log is append-only whoever asks, its owner too: ENABLE ALWAYS also holds where triggers are switched off for replication.
CREATE FUNCTION es.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
--> statement-breakpoint
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON es.events
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change();
--> statement-breakpoint
ALTER TABLE es.events ENABLE ALWAYS TRIGGER events_append_only;
--> statement-breakpoint
ALTER TABLE es.store ADD CONSTRAINT store_one_row CHECK (id = 1);
--> statement-breakpoint
INSERT INTO es.store (epoch) VALUES (gen_random_uuid());
--> statement-breakpoint
-- Appends a batch of appends in one transaction; each is accepted or refused on its own.
--
-- batch: [{ t: stream type, i: stream id, v: expected version or null, c: command id, f: fingerprint, o: occurred at or null,
--           m: metadata, r: receipt id, e: [{ i: event id, t: type, s: schema version, d: data }] }]
-- An append without events leaves the stream and the log as they are; what is kept of it is its receipt, in es.receipts.
-- Appends for one stream stand in the batch in the order in which they build on each other: the first must find the stream
-- at its expected version, each further one where the one before it leaves it. A command id occurs once in a batch.
-- Of a command id that is known the last event's id (or the receipt's) comes back too: it tells an append whose answer was lost, and which is
-- sent again with the same event ids, from a repeat of its command.
--
-- Positions are dense and in commit order because they are handed out under a lock that is held until the commit is
-- visible. Every statement of a function takes a new snapshot under READ COMMITTED, so what is read after the lock is
-- what the appends before left.
CREATE FUNCTION es.append(batch jsonb)
RETURNS TABLE (
  ordinal int, outcome text, stream_type text, stream_id uuid, version int, "position" bigint,
  occurred_at timestamptz, recorded_at timestamptz, known_event_id uuid
)
LANGUAGE plpgsql
-- A plan that was made while the tables were small would read them whole for as long as it is cached.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  head bigint;
  now_recorded timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'es.append needs READ COMMITTED';
  END IF;
  PERFORM pg_advisory_xact_lock(4651732);
  SELECT e.position, e.recorded_at INTO head, now_recorded FROM es.events e ORDER BY e.position DESC LIMIT 1;
  head := coalesce(head, 0);
  now_recorded := greatest(date_trunc('milliseconds', clock_timestamp()), now_recorded);

  RETURN QUERY
  WITH asked AS MATERIALIZED (
    SELECT r.*, jsonb_array_length(r.e) AS size,
           coalesce(sum(jsonb_array_length(r.e)) OVER (
             PARTITION BY r.t, r.i ORDER BY r.ordinal ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::int AS before
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (t text, i uuid, v int, c uuid, f uuid, o timestamptz, m jsonb, r uuid, e jsonb))
         WITH ORDINALITY AS r(t, i, v, c, f, o, m, r, e, ordinal)
  ), judged AS MATERIALIZED (
    SELECT a.*, coalesce(s.version, 0) AS base, s.occurred_at AS stream_occurred_at,
           coalesce(known.position, noted.position) AS known_position, coalesce(known.version, noted.version) AS known_version,
           coalesce(known.occurred_at, noted.accepted_at) AS known_occurred_at,
           coalesce(known.recorded_at, noted.accepted_at) AS known_recorded_at,
           coalesce(known.event_id, noted.receipt_id) AS known_event, coalesce(known.stream_type, noted.stream_type) AS known_type,
           coalesce(known.stream_id, noted.stream_id) AS known_id,
           coalesce(known.command_fingerprint, noted.fingerprint) = a.f AS same,
           bool_and(known.position IS NULL AND noted.position IS NULL AND (a.v IS NULL OR a.v = coalesce(s.version, 0) + a.before))
             OVER (PARTITION BY a.t, a.i ORDER BY a.ordinal) AS accepted
    FROM asked a
    LEFT JOIN es.streams s ON s.stream_type = a.t AND s.stream_id = a.i
    LEFT JOIN es.events known ON known.command_id = a.c AND known.command_fingerprint IS NOT NULL
    LEFT JOIN es.receipts noted ON noted.command_id = a.c
  ), placed AS MATERIALIZED (
    SELECT j.*, (head + sum(j.size) FILTER (WHERE j.accepted) OVER (ORDER BY j.ordinal))::bigint AS last_position,
           -- Within a stream business time never decreases, and nothing happens after it was recorded.
           least(now_recorded, greatest(j.stream_occurred_at,
             max(date_trunc('milliseconds', coalesce(j.o, now_recorded))) FILTER (WHERE j.size > 0)
               OVER (PARTITION BY j.t, j.i ORDER BY j.ordinal)
           )) AS happened_at
    FROM judged j
  ), stored AS (
    INSERT INTO es.events (position, stream_type, stream_id, version, type, schema_version, data, metadata,
                           command_id, command_fingerprint, event_id, occurred_at, recorded_at)
    SELECT p.last_position - p.size + k.nth, p.t, p.i, p.base + p.before + k.nth, k.event ->> 't', (k.event ->> 's')::smallint,
           k.event -> 'd', p.m, p.c, CASE WHEN k.nth = p.size THEN p.f END, (k.event ->> 'i')::uuid, p.happened_at, now_recorded
    FROM placed p CROSS JOIN LATERAL jsonb_array_elements(p.e) WITH ORDINALITY AS k(event, nth)
    WHERE p.accepted
    ORDER BY 1
  ), moved AS (
    INSERT INTO es.streams AS s (stream_type, stream_id, version, occurred_at)
    SELECT p.t, p.i, max(p.base + p.before + p.size), max(p.happened_at) FROM placed p
    WHERE p.accepted AND p.size > 0 GROUP BY p.t, p.i
    ON CONFLICT (stream_type, stream_id) DO UPDATE SET version = excluded.version, occurred_at = excluded.occurred_at
  ), kept AS (
    INSERT INTO es.receipts (command_id, fingerprint, receipt_id, stream_type, stream_id, version, position, metadata, accepted_at)
    SELECT p.c, p.f, p.r, p.t, p.i, p.base + p.before, p.last_position, p.m, now_recorded FROM placed p
    WHERE p.accepted AND p.size = 0
  )
  SELECT p.ordinal::int,
         CASE WHEN p.accepted THEN 'accepted' WHEN p.same THEN 'replayed' WHEN p.known_position IS NOT NULL THEN 'reused'
              ELSE 'conflict' END,
         coalesce(p.known_type, p.t), coalesce(p.known_id, p.i),
         CASE WHEN p.accepted THEN p.base + p.before + p.size ELSE coalesce(p.known_version, p.base) END,
         CASE WHEN p.accepted THEN p.last_position ELSE p.known_position END,
         CASE WHEN p.accepted THEN p.happened_at ELSE p.known_occurred_at END,
         CASE WHEN p.accepted THEN now_recorded ELSE p.known_recorded_at END,
         p.known_event
  FROM placed p
  ORDER BY 1;
END $$;
--> statement-breakpoint
-- Appends a whole batch where nothing stands in the way of any of it, which is nearly always so. Else it does nothing, and
-- either returns no row or fails with unique_violation: then es.append judges them one by one. Its caller has counted what
-- es.append works out with windows.
--
-- appends: [{ t: stream type, i: stream id, v: the version that the stream must have, c: command id, w: its version after the
--             batch where this is its first append }]
-- events: as they are to stand in the log, [{ t, i, v: version, c: command id, f: fingerprint on a command's last, m: metadata,
--           e: event id, y: type, s: schema version, d: data }]
-- All of them occur when they are recorded. `v` is what the stream must have before this batch, on all appends of it.
CREATE FUNCTION es.append_all(appends jsonb, events jsonb, has_known_streams boolean)
RETURNS TABLE (head bigint, recorded_at timestamptz)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_variable
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'es.append_all needs READ COMMITTED';
  END IF;
  PERFORM pg_advisory_xact_lock(4651732);
  -- A new stream and a new command are not looked up: the unique indexes refuse them where they are not new, with an error
  -- that undoes all of this. Scalar look-ups for the rest, not EXISTS or joins: for those a plan made while the tables were
  -- small would read them whole into a hash.
  IF has_known_streams THEN
    PERFORM FROM jsonb_to_recordset(appends) AS a(t text, i uuid, v int)
    WHERE a.v > 0
      AND a.v IS DISTINCT FROM (SELECT s.version FROM es.streams s WHERE s.stream_type = a.t AND s.stream_id = a.i);
    IF FOUND THEN RETURN; END IF;
  END IF;
  PERFORM FROM es.receipts LIMIT 1;
  IF FOUND THEN
    PERFORM FROM jsonb_to_recordset(appends) AS a(c uuid)
    WHERE (SELECT r.version FROM es.receipts r WHERE r.command_id = a.c) IS NOT NULL;
    IF FOUND THEN RETURN; END IF;
  END IF;

  SELECT k.position, k.recorded_at INTO head, recorded_at FROM es.events k ORDER BY k.position DESC LIMIT 1;
  head := coalesce(head, 0);
  recorded_at := greatest(date_trunc('milliseconds', clock_timestamp()), recorded_at);
  INSERT INTO es.events (position, stream_type, stream_id, version, type, schema_version, data, metadata,
                         command_id, command_fingerprint, event_id, occurred_at, recorded_at)
  SELECT head + e.nth, e.t, e.i, e.v, e.y, e.s, e.d, e.m, e.c, e.f, e.e, recorded_at, recorded_at
  FROM ROWS FROM (jsonb_to_recordset(events)
         AS (t text, i uuid, v int, c uuid, f uuid, m jsonb, e uuid, y text, s smallint, d jsonb))
       WITH ORDINALITY AS e(t, i, v, c, f, m, e, y, s, d, nth);
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
-- What is needed to bring many streams' states up to date, in one round trip: of each stream the newest snapshot of the
-- asked state version that is newer than what the caller has, and the events after that.
--
-- asked: [{ n: number of the request, t: stream type, i: stream id, v: the version that the caller has, w: state version }]
CREATE FUNCTION es.load(asked jsonb)
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
