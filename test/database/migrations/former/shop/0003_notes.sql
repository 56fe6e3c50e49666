CREATE TABLE "read"."notes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"title" text NOT NULL,
	"content" text NOT NULL,
	"tags" jsonb NOT NULL,
	"workspace_id" text NOT NULL,
	"author_id" text,
	"archived" boolean NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer NOT NULL,
	"words" "tsvector" GENERATED ALWAYS AS (to_tsvector('simple', title || E'\n' || content)) STORED,
	"last_position" bigint NOT NULL,
	"stale_since" bigint
);
--> statement-breakpoint
CREATE INDEX "notes_updated_at" ON "read"."notes" USING btree ("updated_at","id");--> statement-breakpoint
CREATE INDEX "notes_workspace_updated_at" ON "read"."notes" USING btree ("workspace_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "notes_author_updated_at" ON "read"."notes" USING btree ("author_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "notes_tags" ON "read"."notes" USING gin ("tags" jsonb_path_ops);--> statement-breakpoint
CREATE INDEX "notes_words" ON "read"."notes" USING gin ("words");