CREATE TABLE "read"."accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"balance" bigint NOT NULL,
	"currency" text NOT NULL,
	"opened_at" timestamp (3) with time zone NOT NULL,
	"version" integer NOT NULL,
	"last_position" bigint NOT NULL,
	"stale_since" bigint
);
--> statement-breakpoint
CREATE TABLE "read"."account_entries" (
	"account_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"kind" text NOT NULL,
	"amount" bigint NOT NULL,
	"balance" bigint NOT NULL,
	"currency" text NOT NULL,
	"reference" text,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"last_position" bigint NOT NULL,
	"stale_since" bigint,
	CONSTRAINT "account_entries_account_id_version_pk" PRIMARY KEY("account_id","version")
);
--> statement-breakpoint
CREATE TABLE "read"."transfers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"amount" bigint NOT NULL,
	"currency" text NOT NULL,
	"from_account_id" uuid NOT NULL,
	"to_account_id" uuid NOT NULL,
	"owner" text,
	"failure" text,
	"last_position" bigint NOT NULL,
	"stale_since" bigint
);
--> statement-breakpoint
CREATE INDEX "account_entries_occurred_at" ON "read"."account_entries" USING btree ("account_id","occurred_at","version");