CREATE TABLE "es"."rewrites" (
	"position" bigint PRIMARY KEY NOT NULL,
	"former_leaf" "bytea" NOT NULL,
	"certificate" uuid NOT NULL
);

--> statement-breakpoint
CREATE TRIGGER rewrites_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON es.rewrites
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change();
--> statement-breakpoint
ALTER TABLE es.rewrites ENABLE ALWAYS TRIGGER rewrites_append_only;
--> statement-breakpoint
-- The one allowed rewrite: events that were recorded before there was a keyring are encrypted. The setting `afterwrite.rewrite` has
-- the id of the event that certifies it, and lasts as long as the transaction. docs/audit.md says what can be proved then.
CREATE FUNCTION es.refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND coalesce(current_setting('afterwrite.rewrite', true), '') <> '' THEN RETURN NULL; END IF;
  RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
--> statement-breakpoint
CREATE FUNCTION es.record_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  same es.events := NEW;
BEGIN
  same.data := OLD.data;
  same.command_fingerprint := OLD.command_fingerprint;
  IF same IS DISTINCT FROM OLD OR OLD.data ? '$personal' OR NOT NEW.data ? '$personal' THEN
    RAISE EXCEPTION 'es.events is append-only: only the encryption of plain data is allowed, not this change of position %',
      OLD.position USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF es.hash_at(OLD.position) IS NULL THEN
    RAISE EXCEPTION 'es.events: the event at position % is not chained yet', OLD.position USING ERRCODE = 'AW003';
  END IF;
  -- The chain goes on over this leaf.
  INSERT INTO es.rewrites (position, former_leaf, certificate)
  VALUES (OLD.position, es.event_leaf(OLD), current_setting('afterwrite.rewrite')::uuid);
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE OR REPLACE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON es.events
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_rewrite();
--> statement-breakpoint
ALTER TABLE es.events ENABLE ALWAYS TRIGGER events_append_only;
--> statement-breakpoint
CREATE TRIGGER events_rewritten BEFORE UPDATE ON es.events FOR EACH ROW EXECUTE FUNCTION es.record_rewrite();
--> statement-breakpoint
ALTER TABLE es.events ENABLE ALWAYS TRIGGER events_rewritten;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION es.refuse_rewrite, es.record_rewrite FROM PUBLIC;
