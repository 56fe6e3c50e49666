-- Says in columns of their own what a checkpoint is of. Its key stays as it is, since dead letters and parked items refer to it.
ALTER TABLE "read"."checkpoints" ADD COLUMN "kind" text;--> statement-breakpoint
ALTER TABLE "read"."checkpoints" ADD COLUMN "consumer" text;--> statement-breakpoint
-- Releases before this one make checkpoints without these columns. They may run beside this one during an update. The columns are
-- not called `name`, because the statements of those releases would become ambiguous.
CREATE FUNCTION read.name_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.kind := CASE
    WHEN NEW.projection LIKE 'process:%' THEN 'process'
    WHEN NEW.projection LIKE 'effect:%' THEN 'effect'
    WHEN NEW.projection LIKE '%#rebuild' THEN 'rebuild'
    WHEN NEW.projection LIKE '%#verify' THEN 'verify'
    ELSE 'projection'
  END;
  NEW.consumer := regexp_replace(NEW.projection, '^(process|effect):|#(rebuild|verify)$', '');
  RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER "name_checkpoint" BEFORE INSERT OR UPDATE ON "read"."checkpoints"
  FOR EACH ROW WHEN (NEW.kind IS NULL) EXECUTE FUNCTION read.name_checkpoint();--> statement-breakpoint
UPDATE "read"."checkpoints" SET "updated_at" = "updated_at";--> statement-breakpoint
-- From now on only rows of earlier releases lack a kind.
CREATE OR REPLACE TRIGGER "name_checkpoint" BEFORE INSERT ON "read"."checkpoints"
  FOR EACH ROW WHEN (NEW.kind IS NULL) EXECUTE FUNCTION read.name_checkpoint();--> statement-breakpoint
ALTER TABLE "read"."checkpoints" ALTER COLUMN "kind" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."checkpoints" ALTER COLUMN "consumer" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."checkpoints" ADD CONSTRAINT "checkpoints_kind_consumer" UNIQUE("kind","consumer");
