CREATE TABLE "es"."receipts" (
	"command_id" uuid PRIMARY KEY NOT NULL,
	"fingerprint" uuid NOT NULL,
	"receipt_id" uuid NOT NULL,
	"stream_type" text NOT NULL,
	"stream_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"position" bigint NOT NULL,
	"metadata" jsonb NOT NULL,
	"accepted_at" timestamp (3) with time zone NOT NULL
);

--> statement-breakpoint
CREATE TRIGGER receipts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON es.receipts
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change();
--> statement-breakpoint
ALTER TABLE es.receipts ENABLE ALWAYS TRIGGER receipts_append_only;
