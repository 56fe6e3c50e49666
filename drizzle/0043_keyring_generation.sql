ALTER TABLE "es"."keyring" ADD COLUMN "generation" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "es"."keyring" ADD COLUMN "generation_mark" text;--> statement-breakpoint
-- Remembers the newest generation of the store's keyring, if it is newer than what is known. Keys that were wrapped with an older one are
-- not kept from then on.
CREATE FUNCTION es.note_generation(generation int, mark text)
RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  UPDATE es.keyring k SET generation = $1, generation_mark = $2 WHERE k.generation < $1;
$$;
--> statement-breakpoint
-- As es.keep_subject_keys, for keys that were wrapped with a generation of the keyring. If there is a newer one, they are refused: they may
-- come from a server that was stalled while all keys were wrapped again, and the former generation may be destroyed by now.
CREATE FUNCTION es.keep_wrapped_keys(keys jsonb, with_generation int)
RETURNS TABLE (subject text, until text, wrapped bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  newest int;
BEGIN
  -- Whoever notes a newer generation waits for this, and then wraps again what was kept.
  SELECT k.generation INTO newest FROM es.keyring k FOR SHARE;
  IF newest > with_generation THEN
    RAISE EXCEPTION 'the keyring has generation %, and these keys were wrapped with %', newest, with_generation USING ERRCODE = 'AW004';
  END IF;
  RETURN QUERY SELECT * FROM es.keep_subject_keys(keys);
END $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION es.note_generation, es.keep_wrapped_keys FROM PUBLIC;
