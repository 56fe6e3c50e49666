CREATE TABLE "read"."notes_history" (
	"from_position" bigint NOT NULL,
	"until_position" bigint NOT NULL,
	"held_from" timestamp (3) with time zone NOT NULL,
	"held_until" timestamp (3) with time zone NOT NULL,
	"id" uuid NOT NULL,
	"title" text NOT NULL,
	"content" text NOT NULL,
	"tags" jsonb NOT NULL,
	"workspace_id" text NOT NULL,
	"author_id" text,
	"archived" boolean NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer NOT NULL,
	CONSTRAINT "notes_history_pkey" PRIMARY KEY("id","held_until","from_position")
);
--> statement-breakpoint
CREATE TABLE "read"."orders_history" (
	"from_position" bigint NOT NULL,
	"until_position" bigint NOT NULL,
	"held_from" timestamp (3) with time zone NOT NULL,
	"held_until" timestamp (3) with time zone NOT NULL,
	"id" uuid NOT NULL,
	"status" text NOT NULL,
	"customer_id" uuid NOT NULL,
	"items" jsonb NOT NULL,
	"item_count" integer NOT NULL,
	"total" bigint NOT NULL,
	"currency" text NOT NULL,
	"shipping_address" jsonb NOT NULL,
	"carrier" text,
	"tracking_number" text,
	"cancellation_reason" text,
	"placed_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer NOT NULL,
	"search_text" text NOT NULL,
	CONSTRAINT "orders_history_pkey" PRIMARY KEY("id","held_until","from_position")
);
--> statement-breakpoint
ALTER TABLE "read"."notes" ADD COLUMN "held_from" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "read"."orders" ADD COLUMN "held_from" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "notes_history_version" ON "read"."notes_history" USING btree ("id","version");--> statement-breakpoint
CREATE INDEX "orders_history_version" ON "read"."orders_history" USING btree ("id","version");