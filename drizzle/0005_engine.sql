CREATE TABLE "read"."dead_letters" (
	"projection" text NOT NULL,
	"key" text NOT NULL,
	"position" bigint NOT NULL,
	"stream_type" text NOT NULL,
	"stream_id" uuid NOT NULL,
	"event_type" text NOT NULL,
	"version" integer NOT NULL,
	"partial" boolean DEFAULT false NOT NULL,
	"rows" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"rows_known" boolean DEFAULT true NOT NULL,
	"error" text,
	"status" text DEFAULT 'PARKED' NOT NULL,
	"parked_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"discarded_at" timestamp (3) with time zone,
	"discarded_by" text,
	"reason" text,
	CONSTRAINT "dead_letters_projection_key_position_status_pk" PRIMARY KEY("projection","key","position","status")
);
--> statement-breakpoint
CREATE TABLE "read"."instances" (
	"id" uuid PRIMARY KEY NOT NULL,
	"process" text NOT NULL,
	"moves" text[] DEFAULT '{}' NOT NULL,
	"started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"alive_until" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "read"."checkpoints" ADD COLUMN "generation" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."checkpoints" ADD COLUMN "whole_at" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."checkpoints" ADD COLUMN "started_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
CREATE INDEX "dead_letters_parked" ON "read"."dead_letters" USING btree ("projection","position") WHERE status = 'PARKED';