CREATE TABLE "es"."heads" (
	"position" bigint PRIMARY KEY NOT NULL,
	"text" text NOT NULL,
	"signature" text NOT NULL,
	"peaks" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "es"."signer" (
	"id" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"owner" uuid,
	"lease_until" timestamp (3) with time zone DEFAULT 'epoch' NOT NULL,
	"witness" text,
	"witnessed" bigint DEFAULT 0 NOT NULL
);

--> statement-breakpoint
ALTER TABLE es.signer ADD CONSTRAINT signer_one_row CHECK (id = 1);
--> statement-breakpoint
CREATE TRIGGER heads_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON es.heads
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change();
--> statement-breakpoint
ALTER TABLE es.heads ENABLE ALWAYS TRIGGER heads_append_only;
