CREATE TABLE "read"."fulfilments" (
	"order_id" uuid PRIMARY KEY NOT NULL,
	"customer_id" uuid NOT NULL,
	"state" text NOT NULL,
	"steps" jsonb NOT NULL,
	"failure" text,
	"last_position" bigint NOT NULL,
	"stale_since" bigint
);
--> statement-breakpoint
ALTER TABLE "read"."products" ADD COLUMN "reserved" integer DEFAULT 0 NOT NULL;