-- The events of the log are chained by hashes. docs/audit.md has the format.
--
-- Appends take this lock before they touch the log, so this does too: the other way round, each could wait for the other.
SELECT pg_advisory_xact_lock(4651732);
--> statement-breakpoint
CREATE TABLE "es"."chain" (
	"id" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"origin" uuid NOT NULL,
	"former_position" bigint DEFAULT 0 NOT NULL,
	"completed_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "es"."former_hashes" (
	"first" bigint PRIMARY KEY NOT NULL,
	"hashes" "bytea" NOT NULL
);
--> statement-breakpoint
ALTER TABLE "es"."events" ADD COLUMN "hash" "bytea";
--> statement-breakpoint
ALTER TABLE es.chain ADD CONSTRAINT chain_one_row CHECK (id = 1);
--> statement-breakpoint
INSERT INTO es.chain (origin) VALUES (gen_random_uuid());
--> statement-breakpoint
-- Hashes do not compress.
ALTER TABLE es.former_hashes ALTER COLUMN hashes SET STORAGE EXTERNAL;
--> statement-breakpoint
-- What is hashed of an event, and what an export contains of it, byte for byte in UTF-8: one line of JSON whose members have a
-- fixed order. `data` and `metadata` are the text that Postgres makes of jsonb: each key once, in a fixed order, and one way to
-- write each value. Times are in UTC with at most three decimals.
--
-- No setting changes the result. The expression is parsed here, so no search path changes its meaning.
CREATE FUNCTION es.event_content(e es.events) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN format(
  '{"position":%s,"streamType":%s,"streamId":"%s","version":%s,"type":%s,"schemaVersion":%s,"data":%s,"metadata":%s,'
    '"commandId":"%s","commandFingerprint":%s,"eventId":"%s","occurredAt":%sZ","recordedAt":%sZ"}',
  e.position, to_json(e.stream_type), e.stream_id, e.version, to_json(e.type), e.schema_version, e.data, e.metadata,
  e.command_id, coalesce('"' || e.command_fingerprint::text || '"', 'null'), e.event_id,
  -- An interval, because the name of a time zone is looked up each time. The quote at the end comes after the Z.
  rtrim(to_json(e.occurred_at AT TIME ZONE interval '0')::text, '"'),
  rtrim(to_json(e.recorded_at AT TIME ZONE interval '0')::text, '"'));
--> statement-breakpoint
-- The leaf of an event in the Merkle tree over the log (RFC 6962).
CREATE FUNCTION es.event_leaf(e es.events) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256('\x00'::bytea || convert_to(es.event_content(e), 'UTF8'));
--> statement-breakpoint
-- The hash in the chain of an event that follows the event with the hash `before`.
CREATE FUNCTION es.chained(before bytea, leaf bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256('\x02'::bytea || before || leaf);
--> statement-breakpoint
-- The hash of the event at a position, however old it is; that of position 0 stands before the first event. NULL if the event has
-- no hash, or is not there.
CREATE FUNCTION es.hash_at(at bigint) RETURNS bytea LANGUAGE sql STABLE
RETURN CASE
  WHEN at = 0 THEN (SELECT sha256(convert_to('afterwrite log ' || c.origin::text, 'UTF8')) FROM es.chain c)
  ELSE coalesce(
    (SELECT e.hash FROM es.events e WHERE e.position = at),
    (SELECT nullif(substr(f.hashes, ((at - f.first) * 32 + 1)::int, 32), '') FROM es.former_hashes f
     WHERE f.first = at - (at - 1) % 1000))
END;
--> statement-breakpoint
-- Puts an event into the chain. Whoever inserts it, whether by a function or not, it must follow the event before it, and a hash
-- that is given must be right.
CREATE FUNCTION es.chain_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before bytea;
  chained bytea;
BEGIN
  -- Rows that the same statement has inserted are visible here.
  SELECT e.hash INTO before FROM es.events e WHERE e.position = NEW.position - 1;
  IF before IS NULL THEN
    IF (SELECT c.completed_at IS NULL FROM es.chain c) THEN
      -- es.chain_former has not yet reached the end. It takes this lock for its last step.
      PERFORM pg_advisory_xact_lock(4651732);
      IF (SELECT c.completed_at IS NULL FROM es.chain c) THEN
        NEW.hash := NULL;
        RETURN NEW;
      END IF;
    END IF;
    before := es.hash_at(NEW.position - 1);
    IF before IS NULL THEN
      RAISE EXCEPTION 'es.events: the event at position % cannot follow: that at % is missing, or has no hash',
        NEW.position, NEW.position - 1 USING ERRCODE = 'AW003';
    END IF;
  END IF;
  chained := es.chained(before, es.event_leaf(NEW));
  IF NEW.hash <> chained THEN
    RAISE EXCEPTION 'es.events: the event at position % was given a wrong hash', NEW.position USING ERRCODE = 'AW003';
  END IF;
  NEW.hash := chained;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER events_chained BEFORE INSERT ON es.events FOR EACH ROW EXECUTE FUNCTION es.chain_event();
--> statement-breakpoint
ALTER TABLE es.events ENABLE ALWAYS TRIGGER events_chained;
--> statement-breakpoint
-- Chains events that are older than the chain, at most `at_most` of them, in whole thousands. It is called again and again,
-- each time in a transaction of its own, while events are appended. Only the last step, of at most a thousand events, holds the
-- lock of the log: from then on each event gets its hash when it is inserted.
--
-- Returns how many are left; NULL if another session is at it.
CREATE FUNCTION es.chain_former(at_most int) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  done bigint;
  head bigint;
  until bigint;
  completed timestamptz;
  hash bytea;
  hashes bytea;
  event es.events;
BEGIN
  SELECT c.former_position, c.completed_at INTO done, completed FROM es.chain c FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF completed IS NOT NULL THEN RETURN 0; END IF;
  SELECT coalesce(max(e.position), 0) INTO head FROM es.events e;
  IF head - done <= 1000 THEN
    PERFORM pg_advisory_xact_lock(4651732);
    SELECT coalesce(max(e.position), 0) INTO head FROM es.events e;
  END IF;
  -- Without the lock, at least one event is left for the last step.
  until := CASE WHEN head - done <= 1000 THEN head
                ELSE done + least(head - done - 1, greatest(at_most, 1000)) / 1000 * 1000 END;
  hash := es.hash_at(done);
  hashes := '';
  FOR event IN SELECT e.* FROM es.events e
    WHERE e.position > done AND e.position <= until ORDER BY e.position
  LOOP
    IF event.position <> done + 1 THEN
      RAISE EXCEPTION 'es.chain_former: the event at position % is missing', done + 1 USING ERRCODE = 'AW003';
    END IF;
    done := event.position;
    hash := es.chained(hash, es.event_leaf(event));
    hashes := hashes || hash;
    IF done % 1000 = 0 THEN
      INSERT INTO es.former_hashes (first, hashes) VALUES (done - 999, hashes);
      hashes := '';
    END IF;
  END LOOP;
  IF hashes <> '' THEN
    INSERT INTO es.former_hashes (first, hashes) VALUES (done - (done - 1) % 1000, hashes);
  END IF;
  UPDATE es.chain c SET former_position = done, completed_at = CASE WHEN until = head THEN clock_timestamp() END;
  RETURN head - done;
END $$;
--> statement-breakpoint
-- A new log is complete at once, and so is a short one.
SELECT es.chain_former(1000);
--> statement-breakpoint
-- Everybody may execute a new function. The start revokes that; until then, nobody should have a right that it takes away.
REVOKE EXECUTE ON FUNCTION
  es.event_content, es.event_leaf, es.chained, es.hash_at, es.chain_event, es.chain_former
FROM PUBLIC;
