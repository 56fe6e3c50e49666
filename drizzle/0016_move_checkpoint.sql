-- Moves a checkpoint from one position to another, if it is there, has this owner and this generation. Answers where its row
-- (ctid) is afterwards, or null if it was not moved. Whoever moves it remembers that place and says it the next time, so that
-- the row is found with one page. An index leads to all versions of the row that some transaction may still see: while
-- somebody holds a snapshot (a dump, a forgotten BEGIN), these are all that came since, hundreds of pages.
--
-- place: where the row was last seen; (0,0) if that is not known. It is only a hint: the row is looked up by name if it is not
--   there any more.
-- at: undefined position (null) for consumers that only go forward: then it is moved if it is not past `target`, and `reason`
--   becomes its failure. Else its failure stays.
-- waits: whether to wait for a row that somebody has locked. If not, such a checkpoint is not moved.
--
-- Each statement of a function takes a new snapshot under READ COMMITTED, so after waiting for the lock the newest version is
-- found. The settings keep cached plans good that were made while the table had one page.
CREATE FUNCTION read.move_checkpoint(
  name text, at bigint, target bigint, mover uuid, its_generation int, place tid, waits boolean, reason text DEFAULT NULL
)
RETURNS tid
LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  here tid;
BEGIN
  IF waits THEN
    SELECT c.ctid INTO here FROM read.checkpoints c WHERE c.ctid = place AND c.projection = name FOR NO KEY UPDATE;
    IF here IS NULL THEN
      PERFORM FROM read.checkpoints c WHERE c.projection = name FOR NO KEY UPDATE;
      SELECT c.ctid INTO here FROM read.checkpoints c WHERE c.projection = name;
    END IF;
  ELSE
    SELECT c.ctid INTO here FROM read.checkpoints c WHERE c.ctid = place AND c.projection = name
      FOR NO KEY UPDATE SKIP LOCKED;
    IF here IS NULL THEN
      SELECT c.ctid INTO here FROM read.checkpoints c WHERE c.projection = name FOR NO KEY UPDATE SKIP LOCKED;
    END IF;
  END IF;
  UPDATE read.checkpoints c
    SET position = target, updated_at = now(), failure = CASE WHEN at IS NULL THEN reason ELSE c.failure END
    WHERE c.ctid = here AND c.projection = name AND c.owner = mover AND c.generation = its_generation
      AND (c.position = at OR (at IS NULL AND c.position <= target))
    RETURNING c.ctid INTO here;
  RETURN CASE WHEN FOUND THEN here END;
END $$;
