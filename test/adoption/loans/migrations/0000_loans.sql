CREATE TABLE "read"."loans" (
	"id" uuid PRIMARY KEY NOT NULL,
	"book" text NOT NULL,
	"borrower" text NOT NULL,
	"status" text NOT NULL,
	"version" integer NOT NULL,
	"last_position" bigint NOT NULL,
	"stale_since" bigint
);
