-- The same as before, but the event before is found by its position, whatever else the table has.
--
-- Puts an event into the chain. Whoever inserts it, whether by a function or not, it must follow the event before it, and a hash
-- that is given must be right.
CREATE OR REPLACE FUNCTION es.chain_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before bytea;
  chained bytea;
BEGIN
  -- Rows that the same statement has inserted are visible here. In this order, the rows can only be found by their positions:
  -- where each begins with its tenant, a plan that was made while the table was small could read all events of the tenant.
  SELECT e.hash INTO before FROM es.events e
  WHERE e.position >= NEW.position - 1 AND e.position <= NEW.position - 1 ORDER BY e.position DESC LIMIT 1;
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
