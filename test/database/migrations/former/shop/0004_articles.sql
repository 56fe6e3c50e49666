CREATE TABLE "read"."article_cards" (
	"article_id" uuid PRIMARY KEY NOT NULL,
	"title" text NOT NULL,
	"excerpt" text NOT NULL,
	"author_id" uuid NOT NULL,
	"author_name" text NOT NULL,
	"author_avatar_url" text,
	"tags" jsonb NOT NULL,
	"comment_count" integer NOT NULL,
	"published_at" timestamp (3) with time zone NOT NULL,
	"version" integer NOT NULL,
	"last_position" bigint NOT NULL,
	"stale_since" bigint
);
--> statement-breakpoint
CREATE INDEX "article_cards_published_at" ON "read"."article_cards" USING btree ("published_at","article_id");--> statement-breakpoint
CREATE INDEX "article_cards_author" ON "read"."article_cards" USING btree ("author_id");--> statement-breakpoint
CREATE INDEX "article_cards_tags" ON "read"."article_cards" USING gin ("tags" jsonb_path_ops);