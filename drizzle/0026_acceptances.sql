CREATE TABLE "es"."acceptances" (
	"up_to" bigint PRIMARY KEY NOT NULL,
	"accepted_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
INSERT INTO "es"."acceptances" ("up_to", "accepted_at")
SELECT "accepted_position", "accepted_at" FROM "es"."store" WHERE "accepted_position" > 0 AND "accepted_at" IS NOT NULL;
--> statement-breakpoint
ALTER TABLE "es"."store" DROP COLUMN "accepted_at";