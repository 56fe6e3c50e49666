-- The same as before, but the row of a stream is found from its newest version on. While somebody holds a snapshot (a dump, a
-- forgotten BEGIN), an index leads to all versions of the row since then, oldest first: after 5,000 appends to one stream, each
-- look-up would visit 5,000 of them. `stream_id >= a.i AND stream_id <= a.i ORDER BY stream_id DESC` is `stream_id = a.i`, read
-- backwards: with `=`, Postgres knows that the order makes no difference, and ignores it.
--
-- Appends a batch of appends in one transaction; each is accepted or refused on its own.
--
-- batch: [{ t: stream type, i: stream id, v: expected version or null, c: command id, p: former command id or null,
--           f: fingerprint, g: former fingerprint or null, o: occurred at or null, m: metadata,
--           q: [{ t, i, v: version }] or null, x: [stream type] or null, r: receipt id,
--           e: [{ i: event id, t: type, s: schema version, d: data }], k: on the first, see es.recording_time }]
-- shared_types: stream types that may have any id, as processes do.
--
-- q are other streams that have to be at a version (0: have no events) for the append to be accepted: what it was decided on.
-- p and g are how earlier versions stored the same command. They count only if the stored actor is the actor of m.
-- A stream cannot begin if a stream of another type has its id: then the outcome is 'taken'. The types in x and in
-- shared_types do not count.
-- An append without events leaves the stream and the log as they are; its receipt is kept in es.receipts.
-- Appends for one stream stand in the batch in the order in which they build on each other: the first must find the stream
-- at its expected version, each further one where the one before it leaves it. A command id occurs once in a batch.
-- For a known command the id of its last event (or of its receipt) is returned too: it tells an append whose answer was lost,
-- and which is sent again with the same event ids, from a repeat of its command.
--
-- Positions are dense and in commit order because they are handed out under a lock that is held until the commit is
-- visible. Every statement of a function takes a new snapshot under READ COMMITTED, so what is read after the lock is
-- what the appends before left.
CREATE OR REPLACE FUNCTION es.append(batch jsonb, shared_types text[] DEFAULT '{}')
RETURNS TABLE (
  ordinal int, outcome text, stream_type text, stream_id uuid, version int, "position" bigint,
  occurred_at timestamptz, recorded_at timestamptz, known_event_id uuid
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
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
  now_recorded := es.recording_time(batch -> 0 -> 'k', head, now_recorded);

  RETURN QUERY
  WITH asked AS MATERIALIZED (
    SELECT r.*, jsonb_array_length(r.e) AS size,
           coalesce(sum(jsonb_array_length(r.e)) OVER (
             PARTITION BY r.t, r.i ORDER BY r.ordinal ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::int AS before,
           -- The first in this batch that needs the id for itself, of any type and of this one's.
           min(r.ordinal) FILTER (WHERE r.t <> ALL (shared_types)) OVER (PARTITION BY r.i) AS first_of_id,
           min(r.ordinal) OVER (PARTITION BY r.t, r.i) AS first_of_stream
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (t text, i uuid, v int, c uuid, p uuid, f uuid, g uuid, o timestamptz, m jsonb,
                                                  q jsonb, x text[], r uuid, e jsonb))
         WITH ORDINALITY AS r(t, i, v, c, p, f, g, o, m, q, x, r, e, ordinal)
  ), judged AS MATERIALIZED (
    SELECT a.*, coalesce(s.version, 0) AS base, s.occurred_at AS stream_occurred_at,
           k.position AS known_position, k.version AS known_version, k.occurred_at AS known_occurred_at,
           k.recorded_at AS known_recorded_at, k.event_id AS known_event, k.stream_type AS known_type, k.stream_id AS known_id,
           k.fingerprint = a.f
             OR (k.fingerprint = a.g AND k.metadata -> 'actor' ->> 'id' = a.m -> 'actor' ->> 'id') AS same,
           other.is_there AS taken,
           bool_and(k.position IS NULL AND (a.v IS NULL OR a.v = coalesce(s.version, 0) + a.before)
                    AND other.is_there IS NULL
                    -- The one that comes second in this batch is decided again, and then the first is there.
                    AND NOT (s.version IS NULL AND a.size > 0 AND a.t <> ALL (shared_types) AND a.first_of_id < a.first_of_stream)
                    AND NOT EXISTS (
                      SELECT FROM jsonb_to_recordset(a.q) AS held(t text, i uuid, v int)
                      -- A look-up, not a join: see es.append_all.
                      WHERE held.v <> coalesce(
                        (SELECT h.version FROM es.streams h
                         WHERE h.stream_type = held.t AND h.stream_id >= held.i AND h.stream_id <= held.i
                         ORDER BY h.stream_id DESC LIMIT 1), 0)
                    ))
             OVER (PARTITION BY a.t, a.i ORDER BY a.ordinal) AS accepted
    FROM asked a
    LEFT JOIN LATERAL (
      SELECT n.version, n.occurred_at FROM es.streams n
      WHERE n.stream_type = a.t AND n.stream_id >= a.i AND n.stream_id <= a.i ORDER BY n.stream_id DESC LIMIT 1
    ) s ON true
    LEFT JOIN LATERAL (
      SELECT k.* FROM (
        SELECT e.position, e.version, e.stream_type, e.stream_id, e.event_id, e.command_fingerprint AS fingerprint,
               e.command_id, e.metadata, e.occurred_at, e.recorded_at
        FROM es.events e WHERE e.command_fingerprint IS NOT NULL AND e.command_id = ANY (ARRAY[a.c, a.p])
        UNION ALL
        SELECT n.position, n.version, n.stream_type, n.stream_id, n.receipt_id, n.fingerprint,
               n.command_id, n.metadata, n.accepted_at, n.accepted_at
        FROM es.receipts n WHERE n.command_id = ANY (ARRAY[a.c, a.p])
      ) k
      WHERE k.command_id = a.c OR k.metadata -> 'actor' ->> 'id' = a.m -> 'actor' ->> 'id'
      ORDER BY k.command_id = a.c DESC LIMIT 1
    ) k ON true
    LEFT JOIN LATERAL (
      SELECT true AS is_there FROM es.streams o
      WHERE s.version IS NULL AND a.size > 0 AND a.t <> ALL (shared_types)
        AND o.stream_id = a.i AND o.stream_type <> a.t AND o.stream_type <> ALL (shared_types)
        AND o.stream_type <> ALL (coalesce(a.x, '{}'))
      LIMIT 1
    ) other ON true
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
  ), after AS (
    SELECT p.t, p.i, p.base, max(p.base + p.before + p.size) AS version, max(p.happened_at) AS happened_at FROM placed p
    WHERE p.accepted AND p.size > 0 GROUP BY p.t, p.i, p.base
  ), begun AS (
    INSERT INTO es.streams (stream_type, stream_id, version, occurred_at)
    SELECT a.t, a.i, a.version, a.happened_at FROM after a WHERE a.base = 0
  ), moved AS (
    UPDATE es.streams s SET version = a.version, occurred_at = a.happened_at
    FROM after a CROSS JOIN LATERAL (
      SELECT n.ctid FROM es.streams n
      WHERE n.stream_type = a.t AND n.stream_id >= a.i AND n.stream_id <= a.i ORDER BY n.stream_id DESC LIMIT 1
    ) newest
    WHERE a.base > 0 AND s.ctid = newest.ctid
  ), kept AS (
    INSERT INTO es.receipts (command_id, fingerprint, receipt_id, stream_type, stream_id, version, position, metadata, accepted_at)
    SELECT p.c, p.f, p.r, p.t, p.i, p.base + p.before, p.last_position, p.m, now_recorded FROM placed p
    WHERE p.accepted AND p.size = 0
  )
  SELECT p.ordinal::int,
         CASE WHEN p.accepted THEN 'accepted' WHEN p.same THEN 'replayed' WHEN p.known_position IS NOT NULL THEN 'reused'
              WHEN p.taken THEN 'taken' ELSE 'conflict' END,
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
-- Appends a whole batch if nothing stands in the way of any of it, which is nearly always so. Else it does nothing, and
-- either returns no row or fails with unique_violation: then es.append judges them one by one. Its caller has counted what
-- es.append works out with windows.
--
-- appends: [{ t: stream type, i: stream id, v: the version that the stream must have, c: command id, p: former command id,
--             w: its version after the batch if this is its first append, x: types that may have the same id,
--             k: on the first, see es.recording_time }]
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
        a.v IS DISTINCT FROM (
          SELECT s.version FROM es.streams s
          WHERE s.stream_type = a.t AND s.stream_id >= a.i AND s.stream_id <= a.i ORDER BY s.stream_id DESC LIMIT 1)
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
  recorded_at := es.recording_time(appends -> 0 -> 'k', head, recorded_at);
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
    FROM unnest(types, ids, befores, afters) AS a(t, i, v, w) CROSS JOIN LATERAL (
      SELECT n.ctid FROM es.streams n
      WHERE n.stream_type = a.t AND n.stream_id >= a.i AND n.stream_id <= a.i ORDER BY n.stream_id DESC LIMIT 1
    ) newest
    WHERE a.v > 0 AND s.ctid = newest.ctid;
  END IF;
  RETURN NEXT;
END $$;
