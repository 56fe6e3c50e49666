-- The same as before, but nothing is looked up that a batch seldom needs: each statement here costs a small batch more than its events.
--
-- Appends to es.events what is inserted into es.batches, with hashes: for each event at once what es.chain_event does one by one,
-- for half of its price. It reads the hash before the batch itself, so whoever inserts here adds to the chain what belongs there.
CREATE OR REPLACE FUNCTION es.insert_batch() RETURNS trigger LANGUAGE plpgsql AS $$
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
  expected bigint := 0;
  stored bigint;
BEGIN
  -- See es.chain_event for the order.
  SELECT e.hash INTO before FROM es.events e
  WHERE e.position >= head AND e.position <= head ORDER BY e.position DESC LIMIT 1;
  -- If there is still no hash to go on from, all hashes are NULL, and es.chain_event finds out why.
  IF before IS NULL THEN before := es.hash_at(head); END IF;
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
  FOR nth IN 1 .. cardinality(befores) LOOP
    expected := expected + afters[nth] - befores[nth];
  END LOOP;
  IF stored IS DISTINCT FROM expected OR stored <> cardinality(NEW.streams) OR stored <> jsonb_array_length(NEW.data) THEN
    RAISE EXCEPTION 'es.batches: the events do not follow the versions of their streams' USING ERRCODE = 'data_exception';
  END IF;
  RETURN NULL;
END $$;
