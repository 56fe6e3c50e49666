CREATE TABLE "read"."parked_items" (
	"consumer" text NOT NULL,
	"line" text NOT NULL,
	"position" bigint DEFAULT 0 NOT NULL,
	"deadline" text DEFAULT '' NOT NULL,
	"due_at" timestamp (3) with time zone DEFAULT 'epoch' NOT NULL,
	"keys" text[] DEFAULT '{}' NOT NULL,
	"initiator" text NOT NULL,
	"event_type" text,
	"status" text DEFAULT 'PARKED' NOT NULL,
	"is_fault" boolean DEFAULT false NOT NULL,
	"code" text,
	"error" text,
	"attempts" integer DEFAULT 0 NOT NULL,
	"parked_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"tried_at" timestamp (3) with time zone,
	"retry_at" timestamp (3) with time zone,
	"passed_at" timestamp (3) with time zone,
	"passed_by" text,
	"reason" text,
	CONSTRAINT "parked_items_consumer_line_position_deadline_due_at_pk" PRIMARY KEY("consumer","line","position","deadline","due_at")
);
--> statement-breakpoint
CREATE INDEX "parked_items_retry" ON "read"."parked_items" USING btree ("consumer","retry_at") WHERE status = 'PARKED';--> statement-breakpoint
CREATE INDEX "parked_items_keys" ON "read"."parked_items" USING gin ("keys") WHERE status = 'PARKED';