CREATE TABLE "read"."deadlines" (
	"process" text NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"last_position" bigint NOT NULL,
	"stale_since" bigint,
	CONSTRAINT "deadlines_process_id_name_pk" PRIMARY KEY("process","id","name")
);
--> statement-breakpoint
CREATE INDEX "deadlines_due" ON "read"."deadlines" USING btree ("process","at");