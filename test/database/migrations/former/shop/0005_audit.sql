CREATE TABLE "read"."audit_trail" (
	"position" bigint PRIMARY KEY NOT NULL,
	"aggregate_type" text NOT NULL,
	"aggregate_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"event_type" text NOT NULL,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"actor_id" text,
	"correlation_id" text NOT NULL,
	"causation_id" text,
	"command_id" uuid NOT NULL,
	"summary" text NOT NULL,
	"last_position" bigint NOT NULL,
	"stale_since" bigint
);
--> statement-breakpoint
CREATE INDEX "audit_trail_aggregate" ON "read"."audit_trail" USING btree ("aggregate_id","position");--> statement-breakpoint
CREATE INDEX "audit_trail_actor" ON "read"."audit_trail" USING btree ("actor_id","position");