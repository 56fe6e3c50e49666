CREATE TABLE "read"."read_models" (
	"key" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"version" integer NOT NULL,
	"tables" text[] NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"used_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "read"."checkpoints" DROP CONSTRAINT "checkpoints_kind_consumer";--> statement-breakpoint
ALTER TABLE "read"."instances" ADD COLUMN "uses" text[];--> statement-breakpoint
ALTER TABLE "read"."checkpoints" ADD CONSTRAINT "checkpoints_kind_consumer_version" UNIQUE("kind","consumer","version");--> statement-breakpoint
-- Keys of projections have a version from now on.
CREATE OR REPLACE FUNCTION read.name_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.kind := CASE
    WHEN NEW.projection LIKE 'process:%' THEN 'process'
    WHEN NEW.projection LIKE 'effect:%' THEN 'effect'
    WHEN NEW.projection LIKE '%#rebuild' THEN 'rebuild'
    WHEN NEW.projection LIKE '%#verify' THEN 'verify'
    ELSE 'projection'
  END;
  NEW.consumer := regexp_replace(NEW.projection, '^(process|effect):|(@\d+)?(#(rebuild|verify))?$', '');
  RETURN NEW;
END $$;--> statement-breakpoint
-- The engine makes this table like those of all read models. It takes over one that has been filled.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM "read"."checkpoints" WHERE "projection" = 'deadlines') THEN
    DROP TABLE IF EXISTS "read"."deadlines";
  END IF;
END $$;
