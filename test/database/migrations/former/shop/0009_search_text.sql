ALTER TABLE "read"."notes" drop column "words";--> statement-breakpoint
ALTER TABLE "read"."notes" ADD COLUMN "words" "tsvector" GENERATED ALWAYS AS (to_tsvector('simple', left(read.search_text(title || E'\n' || content), 250000))) STORED;--> statement-breakpoint
CREATE INDEX "notes_words" ON "read"."notes" USING gin ("words");
