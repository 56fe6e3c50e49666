-- The same as before, and an append may hold other streams (q).
-- Appends a batch of appends in one transaction; each is accepted or refused on its own.
--
-- batch: [{ t: stream type, i: stream id, v: expected version or null, c: command id, f: fingerprint, o: occurred at or null,
--           m: metadata, q: [{ t, i, v: version }] or null, r: receipt id, e: [{ i: event id, t: type, s: schema version, d: data }] }]
-- q are other streams that have to be at a version (0: have no events) for the append to be accepted: what it was decided on.
-- An append without events leaves the stream and the log as they are; what is kept of it is its receipt, in es.receipts.
-- Appends for one stream stand in the batch in the order in which they build on each other: the first must find the stream
-- at its expected version, each further one where the one before it leaves it. A command id occurs once in a batch.
-- Of a command id that is known the last event's id (or the receipt's) comes back too: it tells an append whose answer was lost, and which is
-- sent again with the same event ids, from a repeat of its command.
--
-- Positions are dense and in commit order because they are handed out under a lock that is held until the commit is
-- visible. Every statement of a function takes a new snapshot under READ COMMITTED, so what is read after the lock is
-- what the appends before left.
CREATE OR REPLACE FUNCTION es.append(batch jsonb)
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
    FROM ROWS FROM (jsonb_to_recordset(batch) AS (t text, i uuid, v int, c uuid, f uuid, o timestamptz, m jsonb, q jsonb, r uuid, e jsonb))
         WITH ORDINALITY AS r(t, i, v, c, f, o, m, q, r, e, ordinal)
  ), judged AS MATERIALIZED (
    SELECT a.*, coalesce(s.version, 0) AS base, s.occurred_at AS stream_occurred_at,
           coalesce(known.position, noted.position) AS known_position, coalesce(known.version, noted.version) AS known_version,
           coalesce(known.occurred_at, noted.accepted_at) AS known_occurred_at,
           coalesce(known.recorded_at, noted.accepted_at) AS known_recorded_at,
           coalesce(known.event_id, noted.receipt_id) AS known_event, coalesce(known.stream_type, noted.stream_type) AS known_type,
           coalesce(known.stream_id, noted.stream_id) AS known_id,
           coalesce(known.command_fingerprint, noted.fingerprint) = a.f AS same,
           bool_and(known.position IS NULL AND noted.position IS NULL AND (a.v IS NULL OR a.v = coalesce(s.version, 0) + a.before)
                    AND NOT EXISTS (
                      SELECT FROM jsonb_to_recordset(a.q) AS held(t text, i uuid, v int)
                      -- A look-up, not a join: see es.append_all.
                      WHERE held.v <> coalesce((SELECT h.version FROM es.streams h WHERE h.stream_type = held.t AND h.stream_id = held.i), 0)
                    ))
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
-- What makes a stream's state as it was at a version: a snapshot that is not newer, where the newest is such a one, and the
-- events after it up to that version.
CREATE FUNCTION es.load_at(of_type text, of_id uuid, at_version int, of_state_version int)
RETURNS TABLE (version int, type text, schema_version smallint, body jsonb)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  base es.snapshots;
BEGIN
  SELECT s.* INTO base FROM es.snapshots s
  WHERE s.stream_type = of_type AND s.stream_id = of_id AND s.state_version = of_state_version AND s.version <= at_version;
  IF FOUND THEN
    RETURN QUERY SELECT base.version, NULL::text, NULL::smallint, base.state;
  END IF;
  RETURN QUERY
  SELECT e.version, e.type, e.schema_version, e.data FROM es.events e
  WHERE e.stream_type = of_type AND e.stream_id = of_id AND e.version > coalesce(base.version, 0) AND e.version <= at_version
  ORDER BY e.version;
END $$;
