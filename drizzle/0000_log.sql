CREATE SCHEMA "es";
--> statement-breakpoint
CREATE SCHEMA "read";
--> statement-breakpoint
CREATE TABLE "read"."checkpoints" (
	"projection" text PRIMARY KEY NOT NULL,
	"position" bigint DEFAULT 0 NOT NULL,
	"version" integer NOT NULL,
	"owner" uuid,
	"lease_until" timestamp (3) with time zone,
	"failure" text,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "es"."events" (
	"position" bigint PRIMARY KEY NOT NULL,
	"stream_type" text NOT NULL,
	"stream_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"type" text NOT NULL,
	"schema_version" smallint NOT NULL,
	"data" jsonb NOT NULL,
	"metadata" jsonb NOT NULL,
	"command_id" uuid NOT NULL,
	"command_fingerprint" uuid,
	"event_id" uuid NOT NULL,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "events_stream_version" UNIQUE("stream_type","stream_id","version")
);
--> statement-breakpoint
CREATE TABLE "es"."snapshots" (
	"stream_type" text NOT NULL,
	"stream_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"state_version" integer NOT NULL,
	"state" jsonb NOT NULL,
	"taken_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "snapshots_stream_type_stream_id_pk" PRIMARY KEY("stream_type","stream_id")
);
--> statement-breakpoint
CREATE TABLE "es"."store" (
	"id" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"epoch" uuid NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "es"."streams" (
	"stream_type" text NOT NULL,
	"stream_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "streams_stream_type_stream_id_pk" PRIMARY KEY("stream_type","stream_id")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "events_command" ON "es"."events" USING btree ("command_id") WHERE command_fingerprint is not null;